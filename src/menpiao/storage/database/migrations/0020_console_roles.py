"""Groups for the usual posts of a park, with what each may do in the console.

Made once: from then on they are the operator's, to change, rename and delete. A group that has the
name already is left as it is. None of them may make accounts or groups, for who may do that may
give themselves everything; that stays with an administrator.
"""

from typing import Any, Final

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

_VISITORS: Final = ("console.view_order", "console.view_ticket")
_MONEY: Final = ("console.view_payment", "console.view_refund")
_LANES: Final = ("console.view_admission", "console.view_passage", "console.view_barred")
_PLACES: Final = ("menpiao.view_site", "menpiao.view_zone", "menpiao.view_gate")
_DEVICES: Final = (
    "menpiao.view_device",
    "menpiao.change_device",
    "menpiao.view_enrolmentcode",
    "menpiao.add_enrolmentcode",
    "menpiao.delete_enrolmentcode",
)
_LISTS: Final = (
    "console.view_conflict",
    "console.change_conflict",
    "console.add_barred",
    "console.change_barred",
)


def _all(*models: str) -> tuple[str, ...]:
    acts = ("view", "add", "change", "delete")
    return tuple(f"menpiao.{act}_{model}" for model in models for act in acts)


_LANE_RULES: Final = _all("zone", "gate", "gategroup")
_SALE: Final = _all("product", "pricerule", "productzone", "refundstep", "slotplan")
_STAFF: Final = ("menpiao.view_staff", "menpiao.add_staff", "menpiao.change_staff")

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "售票员 Clerk": (
        *_VISITORS,
        *_MONEY,
        "menpiao.view_product",
        # A ticket type names its site.
        "menpiao.view_site",
    ),
    "检票员 Gate staff": ("console.view_ticket", *_LANES, *_PLACES),
    "值班主管 Supervisor": (
        *_VISITORS,
        *_MONEY,
        "console.view_outbox",
        "menpiao.view_product",
        "menpiao.view_device",
        *_LANES,
        *_PLACES,
        *_LISTS,
    ),
    "管理人员 Manager": (
        *_VISITORS,
        *_MONEY,
        "console.view_outbox",
        "menpiao.view_site",
        "menpiao.change_site",
        # To choose an account for a person of the house; not to make or change one.
        "auth.view_user",
        *_LANES,
        *_LISTS,
        *_LANE_RULES,
        *_SALE,
        *_STAFF,
        *_DEVICES,
    ),
    "监管人员 Regulator": (
        "console.view_order",
        "console.view_admission",
        "console.view_passage",
        "console.view_conflict",
        "menpiao.view_product",
        *_PLACES,
    ),
    "系统集成 Integrator": (
        "console.view_admission",
        "console.view_passage",
        "console.view_outbox",
        "menpiao.view_site",
        *_LANE_RULES,
        *_DEVICES,
    ),
}


def make_groups(apps: Any, schema_editor: Any) -> None:
    """Make the groups that are not there."""
    using = schema_editor.connection.alias
    # Django makes permissions after the last migration; a fresh database has none yet.
    for label in ("auth", "menpiao", "console"):
        create_permissions(installed.get_app_config(label), verbosity=0, using=using)
    groups = apps.get_model("auth", "Group").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    by_name = {
        f"{p.content_type.app_label}.{p.codename}": p.pk
        for p in permissions.select_related("content_type")
    }
    for name, names in ROLES.items():
        group, fresh = groups.get_or_create(name=name)
        if fresh:
            group.permissions.set([by_name[one] for one in names])


class Migration(migrations.Migration):
    """Data alone; a step back leaves the groups to whoever uses them."""

    dependencies = [
        ("menpiao", "0019_device_key_since"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
