"""A badge names one person of a site; of those who share one, the first keeps it."""

from django.db import migrations, models

_LATER_ONES = """
UPDATE staff s SET badge = '', pin_hash = ''
WHERE s.badge <> '' AND EXISTS (
    SELECT 1 FROM staff o WHERE o.site_id = s.site_id AND o.badge = s.badge AND o.id < s.id)
"""


class Migration(migrations.Migration):
    """A unique key over site and badge, where there is a badge."""

    dependencies = [("menpiao", "0008_outbox_ref")]
    operations = [
        migrations.RunSQL(_LATER_ONES, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="staff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("badge", ""), _negated=True),
                fields=("site", "badge"),
                name="staff_badge_once",
                violation_error_message="此工号在该景区已有人使用。",
            ),
        ),
    ]
