"""Conflicts (冲突): tickets that let more people in than they have, seen and resolved."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console import models as records
from menpiao.centre.console.base import ActPage, plain_text
from menpiao.centre.console.service import ConsoleService
from menpiao.centre.design import door
from menpiao.domain.ticket import serial_number
from menpiao.storage.database.models import Gate, Product

if TYPE_CHECKING:
    _Form = forms.ModelForm[records.Conflict]
else:
    _Form = forms.ModelForm


class ResolveForm(_Form):
    """What was found out."""

    resolution = forms.CharField(
        label=_("处理说明"),
        max_length=500,
        help_text=_("查明了什么、如何处理；例如：两次均为本人，第二次已劝离。"),
        widget=forms.Textarea({"rows": 3, "class": "vLargeTextField"}),
    )

    class Meta:
        model = records.Conflict
        fields = ("resolution",)

    def clean_resolution(self) -> str:
        """No numbers of people."""
        return plain_text(self.cleaned_data["resolution"])


def _gate_of(scan: str) -> Subquery:
    """The gate's name of the scan whose id is in this column."""
    name = Gate.objects.filter(pk=OuterRef("gate_id")).values("name")[:1]
    found = records.Admission.objects.filter(site_id=OuterRef("site_id"), pk=OuterRef(scan))
    return Subquery(found.annotate(gate_name=Subquery(name)).values("gate_name")[:1])


class ConflictAdmin(ActPage):
    """Both scans on one page, and a note that resolves it."""

    change_form_template = "console/conflict.html"
    act_form = ResolveForm
    act = _("标记为已处理")
    list_display = ("ticket", "holder", "excess", "gates", "found_at", "state_word", "resolved_by")
    list_display_links = ("ticket",)
    list_filter = ("state",)
    search_fields = ("=ticket_id",)
    _RESOLVED: ClassVar = ("resolution", "resolved_by", "resolved_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With whose ticket it is and where it happened."""
        ticket = records.Ticket.objects.filter(
            site_id=OuterRef("site_id"), pk=OuterRef("ticket_id")
        )
        found: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                holder=Subquery(ticket.values("holder_masked")[:1]),
                first_gate=_gate_of("earlier_id"),
                second_gate=_gate_of("admission_id"),
            )
        )
        return found

    @admin.display(description=_("门票"))
    def ticket(self, conflict: Any) -> str:
        """The ticket's number."""
        return serial_number(conflict.ticket_id)

    @admin.display(description=_("游客"))
    def holder(self, conflict: Any) -> str:
        """The holder, masked."""
        return conflict.holder or "-"

    @admin.display(description=_("闸机"))
    def gates(self, conflict: Any) -> str:
        """Where it was admitted, the earlier first."""
        names = [name for name in (conflict.first_gate, conflict.second_gate) if name]
        return " → ".join(names)

    @admin.display(description=_("状态"), ordering="state")
    def state_word(self, conflict: Any) -> Any:
        """Whether somebody has looked into it."""
        return _("待处理") if conflict.state == "open" else _("已处理")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The note to be written, or the one that was."""
        if self.has_change_permission(request, obj):
            return [(_("处理"), {"fields": ("resolution",)})]
        return [
            (_("处理"), {"fields": ("state_word", *(self._RESOLVED if obj.resolved_at else ()))})
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is written stays."""
        return () if self.has_change_permission(request, obj) else ("state_word", *self._RESOLVED)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """With the ticket and both scans above the note."""
        found: Any = self.get_object(request, object_id)
        shown: dict[str, Any] = {}
        if found is not None:
            ticket = records.Ticket.objects.filter(
                site_id=found.site_id, pk=found.ticket_id
            ).first()
            ids = [pk for pk in (found.earlier_id, found.admission_id) if pk]
            shown = {
                "conflict": found,
                "ticket": ticket,
                "ticket_no": serial_number(found.ticket_id),
                "product": Product.objects.filter(pk=ticket.product_id).first() if ticket else None,
                "scans": door.call(door.service(ConsoleService).scans(found.site_id, ids)),
            }
        return super().change_view(request, object_id, form_url, shown | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001, ARG002 - Django's shape
        """Through the service: it counts once."""
        by = request.user.get_username()
        service = door.service(ConsoleService)
        obj.done = door.call(service.resolve(obj.site_id, obj.pk, by, obj.resolution))
