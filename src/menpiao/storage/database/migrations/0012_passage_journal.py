"""The journal in a passage's key: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0012_passage_journal.sql``."""

    dependencies = [("menpiao", "0011_barred")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0012_passage_journal.sql").read_text(encoding="utf-8")),
    ]
