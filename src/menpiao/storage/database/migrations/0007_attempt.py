"""Counts of attempts: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0007_attempt.sql``."""

    dependencies = [("menpiao", "0006_payment_method")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0007_attempt.sql").read_text(encoding="utf-8")),
    ]
