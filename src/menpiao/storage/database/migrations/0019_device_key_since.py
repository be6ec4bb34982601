"""Since when a device has its present key, so that old keys are seen."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds ``device.key_since``; of keys rolled before, the last roll that was answered."""

    dependencies = [("menpiao", "0018_device_fleet")]
    operations = [
        migrations.AddField(
            model_name="device",
            name="key_since",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="密钥启用时间"
            ),
        ),
        migrations.RunSQL(
            "UPDATE device d SET key_since = (SELECT max(t.done_at) FROM device_task t"
            " WHERE t.site_id = d.site_id AND t.device_id = d.id AND t.action = 'roll_key'"
            " AND t.state = 'done')",
            migrations.RunSQL.noop,
        ),
    ]
