"""Marks of the keys: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0005_key_mark.sql``."""

    dependencies = [("menpiao", "0004_gate_rules_hot")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0005_key_mark.sql").read_text(encoding="utf-8")),
    ]
