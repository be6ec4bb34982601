"""A function that ends a transaction which has met other rows than it expected: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0022_expect.sql``."""

    dependencies = [("menpiao", "0021_refund_window")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0022_expect.sql").read_text(encoding="utf-8")),
    ]
