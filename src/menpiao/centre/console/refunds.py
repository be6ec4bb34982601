"""Refunds (退款) in the console: what stopped on its way, what to do, and the one act for it."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console import models as records
from menpiao.centre.console.base import ActPage, Chosen, Words, words_of
from menpiao.centre.console.service import ConsoleService
from menpiao.centre.design import door
from menpiao.centre.design.templatetags.design import yuan
from menpiao.domain.ticket import serial_number
from menpiao.storage.database.models import Staff

if TYPE_CHECKING:
    _Form = forms.ModelForm[records.Refund]
else:
    _Form = forms.ModelForm

_ACTS = {"abnormal": _("向平台查询结果"), "closed": _("用新单号再退")}
SOURCES: Words = (
    ("visitor", _("游客自助退票")),
    ("counter", _("窗口退票")),
    ("paid_late", _("订单超时后到账，退回")),
    ("external", _("在平台发起")),
)
_UNHEARD = _("平台没有可靠的答复，会自动再问")
TROUBLES: Words = (
    ("refund_abnormal", _("平台无法把钱退到付款账户")),
    ("refund_closed", _("平台关闭了退款，没有退钱")),
    ("NOT_ENOUGH", _("商户账户余额不足，会自动再试")),
    ("NOT_FOUND", _("平台查不到此退款单号")),
    ("NO_HOST", _UNHEARD),
    ("UNREACHABLE", _UNHEARD),
    ("NO_ANSWER", _UNHEARD),
    ("UNVERIFIED", _UNHEARD),
    ("MALFORMED", _UNHEARD),
    ("MISMATCH", _UNHEARD),
)
"""What we write ourselves beside a refund; anything else is the platform's own code and text."""


def trouble_words(error: str) -> str:
    """Why a refund does not move; what a platform said stands as it came, for its support."""
    code = error.partition(" ")[0]
    if code in dict(TROUBLES):
        return words_of(TROUBLES, code)
    return _("平台答复：{text}").format(text=error) if error else "-"


class MendForm(_Form):
    """Nothing to be filled in: the button is the act."""

    class Meta:
        model = records.Refund
        fields: ClassVar[list[str]] = []


class StoppedFilter(admin.SimpleListFilter):
    """Refunds that a person has to see to."""

    title = _("需要处理")
    parameter_name = "stopped"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:  # noqa: ARG002 - Django's shape
        """One choice."""
        return [("1", _("未到账，需要处理"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002 - Django's shape
        """Those that are open."""
        return queryset if self.value() is None else records.stopped(queryset)


class OfSource(Chosen):
    """By how it came about."""

    title, parameter_name = _("来源"), "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:  # noqa: ARG002 - Django's shape
        """In words."""
        return SOURCES


class RefundAdmin(ActPage):
    """Refunds, who gave them back where a person of the house did, and those that stopped."""

    change_form_template = "console/refund.html"
    act_form = MendForm
    list_display = ("__str__", "order_no", "state", "amount", "given", "when")
    list_filter = (StoppedFilter, "state", OfSource)
    search_fields = ("=id", "=order_id", "=out_refund_no")
    _SHOWN: ClassVar = (
        *("order_no", "state", "trouble", "amount", "out_refund_no", "source"),
        *("who", "created_at", "done_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the name of who gave it, and whether another one has followed."""
        named = Staff.objects.filter(pk=OuterRef("staff_id")).values("user__username")[:1]
        refunds = records.with_followed(super().get_queryset(request))
        found: QuerySet[Any] = refunds.annotate(name=Subquery(named))
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002 - Django's shape
        """All of it, to be read."""
        return [(None, {"fields": self._SHOWN})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002 - Django's shape
        """Nothing is written here."""
        return self._SHOWN

    @admin.display(description=_("订单"))
    def order_no(self, refund: Any) -> str:
        """The order's number as it is printed."""
        return serial_number(refund.order_id)

    @admin.display(description=_("金额"), ordering="amount_fen")
    def amount(self, refund: Any) -> str:
        """As platforms say it."""
        return yuan(refund.amount_fen)

    @admin.display(description=_("来源"))
    def source(self, refund: Any) -> str:
        """How it came about."""
        return words_of(SOURCES, refund.reason)

    @admin.display(description=_("创建时间"), ordering="created_at")
    def when(self, refund: Any) -> str:
        """To the minute."""
        return f"{timezone.localtime(refund.created_at):%Y-%m-%d %H:%M}"

    @admin.display(description=_("来源"), ordering="reason")
    def given(self, refund: Any) -> str:
        """How it came about, and by whom where a person of the house did it."""
        return " · ".join(filter(None, (self.source(refund), refund.name)))

    @admin.display(description=_("未到账原因"))
    def trouble(self, refund: Any) -> str:
        """Why it does not move."""
        return trouble_words(refund.last_error)

    @admin.display(description=_("经手人"))
    def who(self, refund: Any) -> str:
        """Who gave it at a window; nobody did what visitors do themselves."""
        return refund.name or "-"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """With what to do above it, and a button that says what it does."""
        found: Any = self.get_object(request, object_id)
        shown = {} if found is None else {"refund": found, "act": _ACTS.get(found.state, "")}
        return super().change_view(request, object_id, form_url, shown | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001, ARG002 - Django's shape
        """Through the service: it counts once."""
        by = request.user.get_username()
        obj.done = door.call(door.service(ConsoleService).mend_refund(obj.site_id, obj.pk, by))
