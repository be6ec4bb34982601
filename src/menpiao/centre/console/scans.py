"""What happened at gates, to be read: scans with their answers, and what barriers counted."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console.base import Chosen, RecordPage, Words, words_of
from menpiao.centre.design.templatetags.design import is_english
from menpiao.domain.reasons import WORDINGS, Reason
from menpiao.domain.ticket import serial_number
from menpiao.storage.database.models import Device, Gate

DIRECTIONS: Words = (("entry", _("入")), ("exit", _("出")))
PASSAGES: Words = (
    ("opened", _("已开闸")),
    ("passed", _("已通过")),
    ("timed_out", _("未通过，已关闸")),
    ("open_failed", _("开闸失败")),
    ("open_unknown", _("开闸无回应")),
    ("free", _("常开时通过")),
    ("reverse", _("反向通行")),
    ("tailgating", _("尾随")),
    ("counted", _("计数器补记")),
    ("hold_open", _("常开")),
    ("hold_closed", _("常闭")),
    ("released", _("恢复验票")),
    ("alarm", _("报警")),
    ("alarm_over", _("报警解除")),
    ("reset", _("计数器清零")),
    ("lost", _("闸机失联")),
    ("back", _("闸机恢复")),
)
_SAID = (
    Reason.PASS,
    Reason.EXIT_OK,
    Reason.FORCED,
    Reason.NO_TICKET,
    Reason.ALREADY_USED,
    Reason.ALREADY_INSIDE,
    Reason.NO_REENTRY,
    Reason.DAILY_USED,
    Reason.NOT_YET,
    Reason.SLOT_EARLY,
    Reason.SLOT_LATE,
    Reason.EXPIRED,
    Reason.WRONG_GATE,
    Reason.TOO_MANY_PEOPLE,
    Reason.CONCESSION_CHECK,
    Reason.REFUNDED,
    Reason.UNPAID,
    Reason.BARRED,
    Reason.SITE_FULL,
    Reason.ZONE_FULL,
    Reason.ZONE_NOT_INCLUDED,
    Reason.ZONE_USED_UP,
)


# Said in public these do not tell those around why.
_PLAINLY: dict[str, Any] = {
    Reason.FORCED.value: _("强制放行"),
    Reason.EXIT_OK.value: _("出园"),
    Reason.BARRED.value: _("禁入证件"),
}


def reason_words(code: str) -> str:
    """What was shown at the gate; to the staff, what was meant."""
    if code in _PLAINLY:
        return str(_PLAINLY[code])
    words = WORDINGS.get(Reason(code)) if code in set(Reason) else None
    if words is None:
        return code
    return words.en if is_english() else words.zh


class OfGate(Chosen):
    """By gate."""

    title, parameter_name = _("闸机"), "gate_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:  # noqa: ARG002 - Django's shape
        """Every gate by its name."""
        return list(Gate.objects.order_by("site", "pk").values_list("pk", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of a gate; nothing of one that is none."""
        value = self.value()
        if value and not (value.isascii() and value.isdigit() and len(value) < 19):
            return queryset.none()
        return super().queryset(request, queryset)


class OfDirection(Chosen):
    """By direction."""

    title, parameter_name = _("方向"), "direction"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:  # noqa: ARG002 - Django's shape
        """In and out."""
        return DIRECTIONS


class OfReason(Chosen):
    """By what was answered."""

    title, parameter_name = _("结果"), "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:  # noqa: ARG002 - Django's shape
        """What gates answer, in words."""
        return [(code.value, reason_words(code.value)) for code in _SAID]


class OfKind(Chosen):
    """By what the barrier did."""

    title, parameter_name = _("事件"), "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:  # noqa: ARG002 - Django's shape
        """What barriers report."""
        return PASSAGES


class ScanPage(RecordPage):
    """Rows of a gate and a terminal, with their names."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the names."""
        gate = Gate.objects.filter(pk=OuterRef("gate_id")).values("name")[:1]
        device = Device.objects.filter(pk=OuterRef("device_id")).values("name")[:1]
        found = super().get_queryset(request)
        named: QuerySet[Any] = found.annotate(
            gate_name=Subquery(gate), device_name=Subquery(device)
        )
        return named

    @admin.display(description=_("时间"), ordering="at")
    def when(self, row: Any) -> str:
        """To the second."""
        return f"{timezone.localtime(row.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("闸机"))
    def gate(self, row: Any) -> str:
        """The gate's name."""
        return row.gate_name or str(row.gate_id)

    @admin.display(description=_("终端设备"))
    def device(self, row: Any) -> str:
        """The terminal's name."""
        return row.device_name or str(row.device_id)

    @admin.display(description=_("方向"))
    def way(self, row: Any) -> Any:
        """In or out."""
        return words_of(DIRECTIONS, row.direction)


class AdmissionAdmin(ScanPage):
    """Scans: every one, with what was answered."""

    list_display = ("when", "gate", "way", "admitted", "said", "people", "ticket", "device")
    list_filter = (("at", admin.DateFieldListFilter), OfGate, "admitted", OfDirection, OfReason)
    search_fields = ("=ticket_id",)
    search_help_text = _("票号")
    fields = ("when", "gate", "device", "way", "admitted", "said", "people", "ticket")
    readonly_fields = fields

    @admin.display(description=_("结果"))
    def said(self, row: Any) -> str:
        """What was shown."""
        return reason_words(row.reason)

    @admin.display(description=_("门票"))
    def ticket(self, row: Any) -> str:
        """The ticket's number."""
        return serial_number(row.ticket_id) if row.ticket_id else "-"


class PassageAdmin(ScanPage):
    """What barriers did and counted (通行): a stream of its own, beside the scans."""

    list_display = ("when", "gate", "event", "count", "way", "device", "received_at")
    list_display_links = None
    list_filter = (("at", admin.DateFieldListFilter), OfGate, OfKind)

    @admin.display(description=_("事件"))
    def event(self, row: Any) -> Any:
        """What it did."""
        return words_of(PASSAGES, row.kind)
