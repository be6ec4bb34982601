"""Documents that are not let in (禁入名单): put on the list by typing the number, and lifted."""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console import models as records
from menpiao.centre.console.base import ActPage, Page, plain_text, wide_text
from menpiao.centre.console.service import REPLACED, Barring, ConsoleService
from menpiao.centre.design import door
from menpiao.centre.design.templatetags.design import is_english
from menpiao.domain.document import (
    FAULT_TEXTS,
    TYPE_LABELS,
    Document,
    DocumentRefusal,
    DocumentType,
    parse_document,
)
from menpiao.storage.database.models import Site

if TYPE_CHECKING:
    _Form = forms.ModelForm[records.Barred]
else:
    _Form = forms.ModelForm

_TYPED = [kind for kind in DocumentType if kind is not DocumentType.NETWORK_ID]


def type_name(kind: str) -> str:
    """What people call a type of document."""
    label = TYPE_LABELS.get(DocumentType(kind)) if kind in set(DocumentType) else None
    if label is None:
        return "-"
    return label.en if is_english() else label.zh


class BarForm(_Form):
    """A document to be put on the list."""

    site = forms.ModelChoiceField(Site.objects.order_by("pk"), label=_("景区"), empty_label=None)
    document_type = forms.TypedChoiceField(label=_("证件类型"))
    number = forms.CharField(
        label=_("证件号码"),
        max_length=64,
        help_text=_(
            "号码加密保存，供离线的闸机辨认，解除或到期后删除；页面上只显示部分隐藏的号码。"
        ),
        widget=forms.TextInput(
            {
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "class": "vTextField",
            }
        ),
    )
    reason = forms.CharField(
        label=_("原因"), max_length=200, help_text=_("只在后台可见。"), widget=wide_text()
    )
    last_day = forms.DateField(
        label=_("禁入至（含当日）"),
        required=False,
        help_text=_("留空：直到解除为止。"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    class Meta:
        model = records.Barred
        fields = ("reason",)

    document: Document

    def __init__(self, *arguments: Any, **rest: Any) -> None:
        """The types in the page's language."""
        super().__init__(*arguments, **rest)
        kinds = self.fields["document_type"]
        assert isinstance(kinds, forms.ChoiceField)
        kinds.choices = [(kind.value, type_name(kind.value)) for kind in _TYPED]

    def clean_reason(self) -> str:
        """No numbers of people."""
        return plain_text(self.cleaned_data["reason"])

    def clean(self) -> dict[str, Any]:
        """The number is one of its type, and the last day is still to come."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        site = data.get("site")
        if not site:
            return data
        today = timezone.now().astimezone(ZoneInfo(site.zone)).date()
        if {"document_type", "number"} <= data.keys():
            read = parse_document(data["document_type"], data["number"], today)
            if isinstance(read, DocumentRefusal):
                fault = FAULT_TEXTS[read.fault]
                self.add_error("number", fault.en if is_english() else fault.zh)
            else:
                self.document = read
        last_day: date | None = data.get("last_day")
        if last_day and last_day < today:
            self.add_error("last_day", _("此日期已过。"))
        return data

    def asked(self, by: str) -> Barring:
        """What is asked for; the last day ends at its midnight at the site."""
        data = self.cleaned_data
        site, last_day = data["site"], data["last_day"]
        until = None
        if last_day:
            until = datetime.combine(last_day + timedelta(days=1), time(), ZoneInfo(site.zone))
        return Barring(site.pk, self.document, data["reason"], by, until)


class LiftForm(_Form):
    """Why an entry is lifted."""

    lift_reason = forms.CharField(label=_("解除原因"), max_length=200, widget=wide_text())

    class Meta:
        model = records.Barred
        fields = ("lift_reason",)

    def clean_lift_reason(self) -> str:
        """No numbers of people."""
        return plain_text(self.cleaned_data["lift_reason"])


class InForce(admin.SimpleListFilter):
    """Entries that count now, or those that did."""

    title = _("状态")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002 - Django's shape
        """The states."""
        return [("in_force", _("禁入中")), ("ended", _("已到期")), ("lifted", _("已解除"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002 - Django's shape
        """The entries of a state."""
        now = timezone.now()
        match self.value():
            case "in_force":
                return queryset.filter(lifted_at=None).exclude(until__lte=now)
            case "ended":
                return queryset.filter(lifted_at=None, until__lte=now)
            case "lifted":
                return queryset.filter(lifted_at__isnull=False)
            case _:
                return queryset


class BarredAdmin(ActPage):
    """The list; an entry is made and lifted, never edited."""

    act_form = LiftForm
    act, act_to_add = _("解除禁入"), _("禁止入园")
    list_display = ("masked", "reason", "state", "last_day", "offline")
    list_filter = (InForce,)
    _ENTRY: ClassVar = ("masked", "type", *list_display[1:], "barred_by", "barred_at")
    _LIFTED: ClassVar = ("lifted_by", "lifted_at", "why_lifted")

    @admin.display(description=_("证件类型"))
    def type(self, entry: records.Barred) -> str:
        """The type of document."""
        return type_name(entry.document_type)

    @admin.display(description=_("状态"))
    def state(self, entry: records.Barred) -> Any:
        """Whether it counts."""
        if entry.lifted_at:
            return _("已解除")
        return _("禁入中") if entry.in_force(timezone.now()) else _("已到期")

    @admin.display(description=_("闸机离线时"))
    def offline(self, entry: records.Barred) -> Any:
        """Whom it keeps out at a lane without the centre, and what to do about it."""
        if not entry.in_force(timezone.now()):
            return "-"
        if entry.known_alone:
            return _("有效")
        return _("只对有票的人有效：此记录没有保存号码，请用同一证件重新列入，新记录会代替它。")

    @admin.display(description=_("禁入至（含当日）"), ordering="until")
    def last_day(self, entry: records.Barred) -> Any:
        """The last day on which it counts, at the site."""
        if entry.until is None:
            return _("直到解除")
        zone = ZoneInfo(Site.objects.get(pk=entry.site_id).zone)
        return (entry.until.astimezone(zone) - timedelta(seconds=1)).date()

    @admin.display(description=_("解除原因"))
    def why_lifted(self, entry: records.Barred) -> Any:
        """In the page's language where the program said it."""
        return _("已由新的记录代替") if entry.lift_reason == REPLACED else entry.lift_reason

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever has the right."""
        return Page.has_add_permission(self, request)

    def get_form(self, request: HttpRequest, obj: Any = None, **rest: Any) -> Any:  # type: ignore[override]
        """To make an entry, or to lift one."""
        return BarForm if obj is None else super().get_form(request, obj, **rest)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """An entry is read; then it is lifted."""
        if obj is None:
            fields = ("site", "document_type", "number", "reason", "last_day")
            return [(None, {"fields": fields})]
        if self.has_change_permission(request, obj):
            return [(None, {"fields": self._ENTRY}), (_("解除"), {"fields": ("lift_reason",)})]
        lifted = self._LIFTED if obj.lifted_at else ()
        return [(None, {"fields": (*self._ENTRY, *lifted)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002 - Django's shape
        """Everything that is there already."""
        return () if obj is None else (*self._ENTRY, *self._LIFTED)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's shape
        """Through the service, which knows the keys."""
        service, by = door.service(ConsoleService), request.user.get_username()
        if change:
            obj.done = door.call(service.lift(obj.site_id, obj.pk, by, obj.lift_reason))
            return
        made = door.call(service.bar(form.asked(by)))
        obj.pk, obj.masked, obj.done = made.id, made.masked, True
        if made.replaced:
            self.message_user(request, _("此证件原有的禁入记录已由新的记录代替。"))
