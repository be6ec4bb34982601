"""Who resolved a conflict: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0015_conflict.sql``."""

    dependencies = [("menpiao", "0014_back_entry")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0015_conflict.sql").read_text(encoding="utf-8")),
    ]
