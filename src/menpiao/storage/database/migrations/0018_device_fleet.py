"""What terminals are told about themselves: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0018_device_fleet.sql``."""

    dependencies = [("menpiao", "0017_passage_list")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0018_device_fleet.sql").read_text(encoding="utf-8")),
    ]
