"""Refunds at the window keep who gave them, by which press and of which tickets: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0021_refund_window.sql``."""

    dependencies = [("menpiao", "0020_console_roles")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0021_refund_window.sql").read_text(encoding="utf-8")),
    ]
