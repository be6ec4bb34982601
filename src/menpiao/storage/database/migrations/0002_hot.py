"""The hot tables: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0002_hot.sql``."""

    dependencies = [("menpiao", "0001_setup")]
    operations = [migrations.RunSQL((SQL_FOLDER / "0002_hot.sql").read_text(encoding="utf-8"))]
