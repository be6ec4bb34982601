"""Barred documents as a list that people keep: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0011_barred.sql``."""

    dependencies = [("menpiao", "0010_refund_step")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0011_barred.sql").read_text(encoding="utf-8")),
    ]
