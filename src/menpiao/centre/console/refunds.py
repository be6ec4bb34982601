"""Refunds (退款) in the console: what stopped on its way, what to do, and the one act for it."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console import models as records
from menpiao.centre.console.base import ActPage
from menpiao.centre.console.service import ConsoleService
from menpiao.centre.design import door
from menpiao.domain.refund import again_token
from menpiao.domain.ticket import serial_number
from menpiao.storage.database.models import Staff

if TYPE_CHECKING:
    _Form = forms.ModelForm[records.Refund]
else:
    _Form = forms.ModelForm

_ACTS = {"abnormal": _("向平台查询结果"), "closed": _("用新单号再退")}


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
        """As ``Refund.is_open`` says of one."""
        if self.value() is None:
            return queryset
        return queryset.filter(Q(state="abnormal") | Q(state="closed", followed=False))


class RefundAdmin(ActPage):
    """Refunds, who gave them back where a person of the house did, and those that stopped."""

    change_form_template = "console/refund.html"
    act_form = MendForm
    list_display = ("__str__", "order_no", "state", "amount_fen", "reason", "who", "created_at")
    list_filter = (StoppedFilter, "state", "reason")
    search_fields = ("=id", "=order_id", "=out_refund_no")
    _SHOWN: ClassVar = (
        *("order_no", "state", "amount_fen", "out_refund_no", "reason"),
        *("who", "created_at", "done_at", "last_error"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the name of who gave it, and whether another one has followed."""
        named = Staff.objects.filter(pk=OuterRef("staff_id")).values("user__username")[:1]
        token = Concat(Value(again_token(0)[:-1]), Cast(OuterRef("pk"), TextField()))
        later = records.Refund.objects.filter(
            site_id=OuterRef("site_id"), order_id=OuterRef("order_id"), token=token
        )
        found: QuerySet[Any] = (
            super().get_queryset(request).annotate(name=Subquery(named), followed=Exists(later))
        )
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
