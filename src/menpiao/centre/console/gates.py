"""Where people may go (分区、闸机分组、闸机): which gates lead where, and by which rules."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import ManyToManyField, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console.base import Page
from menpiao.centre.design.templatetags.design import is_english
from menpiao.storage.database.models import Gate, GateGroup, Product, Zone

if TYPE_CHECKING:
    _GateForm = forms.ModelForm[Gate]
    _PlaceForm = forms.ModelForm[Any]
else:
    _GateForm = _PlaceForm = forms.ModelForm


def _strangers(site_id: int, chosen: Any) -> list[str]:
    """Names of what was chosen, one or several, that belongs to another site."""
    things: list[Any] = [chosen] if isinstance(chosen, Model) else list(chosen or ())
    return [str(thing) for thing in things if thing.site_id != site_id]


class GateForm(_GateForm):
    """A lane and its own rules."""

    class Meta:
        model = Gate
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        """Everything named belongs to the gate's site."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        site = data.get("site")
        for field in ("group", "zone", "products", "leave_first"):
            if site and (names := _strangers(site.pk, data.get(field))):
                self.add_error(field, _other_site(names))
        return data


def _other_site(names: list[str]) -> str:
    return str(_("不属于此景区：%(names)s")) % {"names": _names(names)}


class PlaceForm(_PlaceForm):
    """A zone or a group with the gates that belong to it."""

    gates = forms.ModelMultipleChoiceField(
        Gate.objects.order_by("site", "pk"),
        label=_("闸机"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    place = ""
    """The gate's field that names it."""

    def __init__(self, *arguments: Any, **rest: Any) -> None:
        """With the gates that belong to it now."""
        super().__init__(*arguments, **rest)
        if self.instance.pk:
            self.initial["gates"] = Gate.objects.filter(**{self.place: self.instance})

    def clean(self) -> dict[str, Any]:
        """Everything named belongs to the same site."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        site = data.get("site")
        for field in ("gates", "zone", "products", "leave_first"):
            if site and (names := _strangers(site.pk, data.get(field))):
                self.add_error(field, _other_site(names))
        return data

    def place_gates(self) -> None:
        """Let the chosen gates belong to it, and those that were not chosen no longer."""
        chosen = [gate.pk for gate in self.cleaned_data["gates"]]
        here: dict[str, Any] = {self.place: self.instance}
        Gate.objects.filter(**here).exclude(pk__in=chosen).update(**{self.place: None})
        Gate.objects.filter(pk__in=chosen).update(**here)


class ZoneForm(PlaceForm):
    """A zone and the gates that lead into it or out of it."""

    place = "zone"

    class Meta:
        model = Zone
        fields = "__all__"


class GroupForm(PlaceForm):
    """A group, its gates, and what it says for them."""

    place = "group"
    needs_inside = forms.NullBooleanField(
        required=False,
        label=_("须先入园"),
        widget=forms.Select(choices=[("", "---------"), ("true", _("是")), ("false", _("否"))]),
    )

    class Meta:
        model = GateGroup
        fields = "__all__"


class RulePage(Page):
    """A page with rules: what is chosen of several is ticked, all of them in sight."""

    formfield_overrides: ClassVar = {ManyToManyField: {"widget": forms.CheckboxSelectMultiple}}


class PlacePage(RulePage):
    """A page of something that has gates."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's shape
        """Also the gates."""
        super().save_related(request, form, formsets, change)
        form.place_gates()


def _names(things: Iterable[Any]) -> str:
    return (", " if is_english() else "、").join(str(thing) for thing in things) or "-"


class ZoneAdmin(PlacePage):
    """Parts of a site with gates of their own: ceilings, gates, who may enter."""

    form = ZoneForm
    list_display = ("name", "site", "instant_capacity", "entries", "exits", "included")
    list_filter = ("site",)
    readonly_fields = ("by_group", "included")
    fieldsets: ClassVar = [
        (None, {"fields": ("site", "name", "name_en", "instant_capacity")}),
        (_("通往此分区的闸机"), {"fields": ("gates", "by_group")}),
        (_("门票"), {"fields": ("included",)}),
    ]

    def _gates(self, zone: Zone, direction: str) -> list[Gate]:
        return [gate for gate in gates_to(zone) if effective(gate, "direction") == direction]

    @admin.display(description=_("入口闸机"))
    def entries(self, zone: Zone) -> str:
        """Gates that lead in."""
        return _names(self._gates(zone, "entry"))

    @admin.display(description=_("出口闸机"))
    def exits(self, zone: Zone) -> str:
        """Gates that lead out."""
        return _names(self._gates(zone, "exit"))

    @admin.display(description=_("由分组规定的闸机"))
    def by_group(self, zone: Zone) -> str:
        """Gates that lead here because their group says so."""
        if not zone.pk:
            return "-"
        return _names(gate for gate in gates_to(zone) if gate.zone_id != zone.pk)

    @admin.display(description=_("包含此分区的票种"))
    def included(self, zone: Zone) -> str:
        """Products whose tickets may enter."""
        if not zone.pk:
            return "-"
        return _names(Product.objects.filter(productzone__zone=zone).order_by("position", "pk"))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001 - Django's shape
        """Say what is still missing before anybody can go in, or is held back."""
        super().save_related(request, form, formsets, change)
        zone: Zone = form.instance
        lacks = []
        if not self._gates(zone, "entry"):
            lacks.append(_("还没有入口闸机通往此分区。"))
        if not Product.objects.filter(productzone__zone=zone).exists():
            lacks.append(_("还没有票种包含此分区：请在票种页面添加。"))
        if zone.instant_capacity and not zone.site.holds_when_full:
            lacks.append(_("景区未开启“达到瞬时承载量时暂停入园”，此承载量不起作用。"))
        if zone.instant_capacity and not self._gates(zone, "exit"):
            lacks.append(_("没有出口闸机，分区内人数只增不减。"))
        for text in lacks:
            self.message_user(request, text, messages.WARNING)


def gates_to(zone: Zone) -> list[Gate]:
    """The gates that lead into a zone or out of it, by themselves or by their group."""
    gates = Gate.objects.filter(site_id=zone.site_id).select_related("group").order_by("pk")
    return [gate for gate in gates if effective(gate, "zone_id") == zone.pk]


def effective(gate: Gate, field: str) -> Any:
    """A rule of a gate as it counts: its group's, where that says something."""
    said = getattr(gate.group, field) if gate.group else None
    return getattr(gate, field) if said in (None, "") else said


_RULES = (
    "direction",
    "zone",
    "reentry",
    "products",
    "people_per_scan",
    "early_grace_s",
    "late_grace_s",
    "passback_s",
    "needs_inside",
    "leave_first",
    "expired_document",
)
_OPTIONS: Any = GateGroup._meta  # noqa: SLF001 - Django's own way to a model's fields


def rules_of(group: GateGroup) -> list[str]:
    """What a group says, as people read it."""
    found = []
    colon = ": " if is_english() else "："
    fields = {field.name: field for field in (*_OPTIONS.fields, *_OPTIONS.many_to_many)}
    for name in _RULES:
        field: Any = fields[name]
        value: Any = getattr(group, name)
        if field.many_to_many:
            value = _names(value.all()) if value.exists() else None
        elif field.choices:
            value = getattr(group, f"get_{name}_display")()
        elif isinstance(value, bool):
            value = _("是") if value else _("否")
        if value not in (None, ""):
            found.append(f"{field.verbose_name}{colon}{value}")
    return found


class GateGroupAdmin(PlacePage):
    """Gates with rules in common."""

    form = GroupForm
    list_display = ("name", "site", "members", "rules")
    list_filter = ("site",)
    fieldsets: ClassVar = [
        (None, {"fields": ("site", "name", "name_en", "gates")}),
        (
            _("规则"),
            {
                "fields": _RULES,
                "description": _("填写的规则对组内所有闸机生效；留空的由各闸机自定。"),
            },
        ),
    ]

    @admin.display(description=_("闸机"))
    def members(self, group: GateGroup) -> str:
        """Its gates."""
        return _names(group.gate_set.order_by("pk"))

    @admin.display(description=_("规则"))
    def rules(self, group: GateGroup) -> str:
        """What it says."""
        return ("; " if is_english() else "；").join(rules_of(group)) or "-"


class GateAdmin(RulePage):
    """Lanes."""

    form = GateForm
    list_display = ("name", "name_en", "way", "leads_to", "group", "is_open")
    list_filter = ("site", "group", "zone", "direction", "is_open")
    readonly_fields = ("by_group",)
    fieldsets: ClassVar = [
        (None, {"fields": ("site", "name", "name_en", "group", "by_group", "is_open")}),
        (_("规则"), {"fields": _RULES}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With their groups."""
        return super().get_queryset(request).select_related("group", "group__zone", "zone")

    @admin.display(description=_("方向"), ordering="direction")
    def way(self, gate: Gate) -> str:
        """As it counts."""
        said = gate.group and gate.group.get_direction_display()
        return str(said or gate.get_direction_display())

    @admin.display(description=_("通往"), ordering="zone")
    def leads_to(self, gate: Gate) -> str:
        """As it counts; without a zone it is a gate of the site itself."""
        return str(effective(gate, "zone") or gate.site)

    @admin.display(description=_("由分组规定"))
    def by_group(self, gate: Gate) -> SafeString | str:
        """What counts whatever stands below."""
        rules = rules_of(gate.group) if gate.pk and gate.group else []
        return format_html_join("", "{}<br>", ((rule,) for rule in rules)) or "-"
