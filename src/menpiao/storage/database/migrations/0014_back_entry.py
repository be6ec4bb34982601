"""The index that back-entries are listed by: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0014_back_entry.sql``."""

    dependencies = [("menpiao", "0013_lane_board")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0014_back_entry.sql").read_text(encoding="utf-8")),
    ]
