"""What the board of lanes looks things up by: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0013_lane_board.sql``."""

    dependencies = [("menpiao", "0012_outbox_sent"), ("menpiao", "0012_passage_journal")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0013_lane_board.sql").read_text(encoding="utf-8")),
    ]
