"""The index of reports over the messages that were sent: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0012_outbox_sent.sql``."""

    dependencies = [("menpiao", "0012_passage_journal")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0012_outbox_sent.sql").read_text(encoding="utf-8")),
    ]
