"""The sealed number of a barred document, for as long as it is barred: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0023_barred_number.sql``."""

    dependencies = [("menpiao", "0022_expect")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0023_barred_number.sql").read_text(encoding="utf-8")),
    ]
