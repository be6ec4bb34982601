"""What the console shows and lets people change: the set-up, terminals, people; records to read."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import psycopg
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console import models as records
from menpiao.centre.console.barring import BarredAdmin
from menpiao.centre.console.base import Page, RecordPage, Stacked, Tabular
from menpiao.centre.console.conflicts import ConflictAdmin
from menpiao.centre.console.gates import GateAdmin, GateGroupAdmin, ZoneAdmin
from menpiao.centre.console.people import AccountAdmin, StaffAdmin
from menpiao.centre.console.refunds import RefundAdmin
from menpiao.centre.console.scans import AdmissionAdmin, PassageAdmin
from menpiao.storage.database.devices import CODE_LIFE, code_hash, new_code
from menpiao.storage.database.models import (
    Device,
    EnrolmentCode,
    Gate,
    GateGroup,
    PriceRule,
    Product,
    ProductZone,
    RefundStep,
    Site,
    SlotPlan,
    Staff,
    Zone,
)
from menpiao.storage.database.slots import LAY


def _lay_slots(product: Product) -> int:
    """Lay out what is missing of the sale window of a product's site; how many slots are new."""
    today = timezone.now().astimezone(ZoneInfo(product.site.zone)).date()
    connection.ensure_connection()
    # The statement is the worker's; its places are PostgreSQL's own, which this cursor takes.
    with psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(LAY, [product.site_id, today, product.sale_days + 1])
        return cursor.rowcount


class PriceRuleInline(Stacked):
    """Concessions of a product."""

    model = PriceRule
    extra = 0


class ProductZoneInline(Tabular):
    """Zones that a product includes."""

    model = ProductZone
    extra = 0


class RefundStepInline(Tabular):
    """How much of a ticket's price goes back until when."""

    model = RefundStep
    extra = 0


class SlotPlanInline(Tabular):
    """The daily pattern of a product's slots."""

    model = SlotPlan
    extra = 0


@admin.register(Site)
class SiteAdmin(Page):
    """Scenic areas."""

    list_display = ("name", "code", "zone", "day_capacity", "instant_capacity", "is_open")


@admin.register(Product)
class ProductAdmin(Page):
    """What is sold, with its concessions and slots."""

    list_display = ("name", "code", "kind", "price_fen", "sale_days", "on_sale")
    list_filter = ("site", "kind", "on_sale")
    filter_horizontal = ("gates",)
    inlines: ClassVar = [PriceRuleInline, SlotPlanInline, RefundStepInline, ProductZoneInline]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's shape
        """Lay the slots of the plans out at once: what was just set up can be sold."""
        super().save_related(request, form, formsets, change)
        product: Product = form.instance
        if not product.slotplan_set.exists():
            text = _("还没有时段安排，此票种无法预订：请在本页下方添加时段安排。")
            self.message_user(request, text, messages.WARNING)
            return
        made = _lay_slots(product)
        told = str(_("已按时段安排生成，可预订的新时段：%(n)d"))
        self.message_user(request, told % {"n": made})


@admin.register(Device)
class DeviceAdmin(Page):
    """Terminals: enrolled by themselves with a one-time code, revoked here."""

    list_display = ("name", "site", "enrolled_at", "last_seen_at", "revoked_at")
    list_filter = ("site",)
    readonly_fields = ("enrolled_at", "last_seen_at", "revoked_at")
    filter_horizontal = ("gates",)
    actions = ("revoke",)

    @admin.action(description=_("停用所选终端"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        """Never let these terminals in again; a revoked terminal enrols with a new code."""
        for device in queryset.filter(revoked_at__isnull=True):
            device.revoked_at = timezone.now()
            device.save(update_fields=["revoked_at"])
            self.log_change(request, device, str(_("停用")))
        self.message_user(request, _("所选终端已停用"))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's shape
        """A terminal adds itself."""
        return False


@admin.register(EnrolmentCode)
class EnrolmentCodeAdmin(Page):
    """One-time codes for terminals; the code is shown once, when it is saved."""

    list_display = ("site", "expires_at", "used_at")
    fields = ("site", "gates")
    filter_horizontal = ("gates",)

    def save_model(self, request: HttpRequest, obj: EnrolmentCode, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's shape
        """Make the code and show it; only its hash is kept."""
        if not change:
            code = new_code()
            obj.code_hash = code_hash(code)
            obj.expires_at = timezone.now() + CODE_LIFE
            text = _("登记码（只显示一次，一小时内有效）：")
            self.message_user(request, f"{text}{code}", messages.WARNING)
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's shape
        """A code is made or thrown away, never edited."""
        return False


@admin.register(records.Order)
class OrderAdmin(RecordPage):
    """Orders."""

    list_display = ("__str__", "channel", "state", "visit_date", "people", "total_fen")
    list_filter = ("state", "channel", "visit_date")
    search_fields = ("=id",)


@admin.register(records.Ticket)
class TicketAdmin(RecordPage):
    """Tickets."""

    list_display = ("__str__", "holder_masked", "state", "visit_date", "people", "used", "inside")
    list_filter = ("state", "visit_date")
    search_fields = ("=id", "=order_id")


@admin.register(records.Payment)
class PaymentAdmin(RecordPage):
    """Payments."""

    list_display = ("out_trade_no", "provider", "state", "amount_fen", "unknown", "created_at")
    list_filter = ("state", "provider", "unknown")
    search_fields = ("=order_id", "=out_trade_no")


@admin.register(records.Outbox)
class OutboxAdmin(RecordPage):
    """What has to leave the house."""

    list_display = ("kind", "channel", "state", "attempts", "due_at", "last_error")
    list_filter = ("state", "channel", "kind")


admin.site.unregister(User)
admin.site.register(User, AccountAdmin)
admin.site.register(Zone, ZoneAdmin)
admin.site.register(GateGroup, GateGroupAdmin)
admin.site.register(Gate, GateAdmin)
admin.site.register(Staff, StaffAdmin)
admin.site.register(records.Admission, AdmissionAdmin)
admin.site.register(records.Passage, PassageAdmin)
admin.site.register(records.Refund, RefundAdmin)
admin.site.register(records.Barred, BarredAdmin)
admin.site.register(records.Conflict, ConflictAdmin)
