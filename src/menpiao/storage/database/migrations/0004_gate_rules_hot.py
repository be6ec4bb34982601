"""The hot tables of gate rules and of lanes without the centre: plain SQL."""

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER


class Migration(migrations.Migration):
    """Runs ``sql/0004_gate_rules.sql``."""

    dependencies = [("menpiao", "0003_gate_rules")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0004_gate_rules.sql").read_text(encoding="utf-8"))
    ]
