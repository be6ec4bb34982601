"""Refunds that have stopped: found at once for the console's head, and seen to by two groups.

Groups are the operator's once they are made: the right goes to those that still have the name they
came with and may still read refunds.
"""

from typing import Any, Final

from django.db import migrations

from menpiao.storage.database.migrate import SQL_FOLDER

_GROUPS: Final = ("值班主管 Supervisor", "管理人员 Manager")


def let_them(apps: Any, schema_editor: Any) -> None:
    """Give the right to see to a stopped refund, where it was not given by hand."""
    using = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(using)
    rights = apps.get_model("auth", "Permission").objects.using(using)
    of_refunds = rights.filter(content_type__app_label="console")
    reading = of_refunds.get(codename="view_refund")
    seeing_to = of_refunds.get(codename="change_refund")
    for group in groups.filter(name__in=_GROUPS, permissions=reading):
        group.permissions.add(seeing_to)


class Migration(migrations.Migration):
    """Runs ``sql/0024_stopped_refunds.sql``, then the groups; a step back leaves them as they are."""

    dependencies = [("menpiao", "0023_barred_number")]
    operations = [
        migrations.RunSQL((SQL_FOLDER / "0024_stopped_refunds.sql").read_text(encoding="utf-8")),
        migrations.RunPython(let_them, migrations.RunPython.noop),
    ]
