"""Passages as a list: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0017_passage_list.sql``."""

    dependencies = [("menpiao", "0016_gate_group")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0017_passage_list.sql").read_text(encoding="utf-8")),
    ]
