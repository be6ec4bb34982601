"""The index that reports are matched by: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0008_outbox_ref.sql``."""

    dependencies = [("menpiao", "0007_attempt")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0008_outbox_ref.sql").read_text(encoding="utf-8")),
    ]
