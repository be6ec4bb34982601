"""How a payment is made, and a clerk's own day: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0006_payment_method.sql``."""

    dependencies = [("menpiao", "0005_key_mark")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0006_payment_method.sql").read_text(encoding="utf-8"))
    ]
