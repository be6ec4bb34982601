"""What pages of the console have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from menpiao.domain.masking import scrub
from menpiao.domain.ticket import parse_serial
from menpiao.storage.database.models import Site

# Django's classes take their models as parameters for the type checker alone.
if TYPE_CHECKING:
    Page = admin.ModelAdmin[Any]
    Stacked = admin.StackedInline[Any, Any]
    Tabular = admin.TabularInline[Any, Any]
    _Pages = Paginator[Any]
else:
    Page, Stacked, Tabular = admin.ModelAdmin, admin.StackedInline, admin.TabularInline
    _Pages = Paginator


_COUNTED = 10_000
"""Rows of a list that can be paged through; what is older is found by a filter."""


class LastRows(_Pages):
    """Counts no further than people page: a year of scans is not counted for a list of fifty."""

    @cached_property
    def count(self) -> int:
        """How many there are, or the most that are shown."""
        rows: Any = self.object_list
        return int(rows.order_by()[:_COUNTED].count())


class RecordPage(Page):
    """A record: to be read, never changed here."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    paginator = LastRows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Of the installation's site, where there is one: then the keys give the order."""
        found: QuerySet[Any] = super().get_queryset(request)
        sites = list(Site.objects.values_list("pk", flat=True)[:2])
        return found.filter(site_id=sites[0]) if len(sites) == 1 else found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Numbers are found as they are printed, with their check digit."""
        found, doubled = super().get_search_results(request, queryset, search_term)
        printed = parse_serial(search_term)
        if printed is not None:
            found |= super().get_search_results(request, queryset, str(printed))[0]
        return found, doubled

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's shape
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's shape
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's shape
        """Never."""
        return False


Words = Sequence[tuple[str, "str | Promise"]]
"""Codes that a column can hold, with what people read."""


def words_of(words: Words, code: str) -> str:
    """What people read; a code that has no words as it is, nothing as a dash."""
    return str(dict(words).get(code, code or "-"))


class Chosen(admin.SimpleListFilter):
    """A filter whose values are known: the rows need not be read to offer them."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002 - Django's shape
        """The rows with the value that was chosen."""
        value = self.value()
        return queryset.filter(**{self.parameter_name or "": value}) if value else queryset


class ActPage(RecordPage):
    """A record with one thing that can be done to it, once, by a service.

    The record says in ``is_open`` whether it is to be done; ``save_model`` does it and says in
    ``obj.done`` whether it still was.
    """

    change_form_template = "console/act.html"
    act: Any = ""
    act_to_add: Any = ""
    act_form: Any = None
    """The form of what can be done while there is something to be done."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever has the right, while it is to be done."""
        may = Page.has_change_permission(self, request, obj)
        return may and (obj is None or obj.is_open)

    def get_form(self, request: HttpRequest, obj: Any = None, **rest: Any) -> Any:  # type: ignore[override]
        """The form to do it, while it is to be done."""
        if obj is not None and self.has_change_permission(request, obj):
            return self.act_form
        return super().get_form(request, obj, **rest)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """One button, which says what it does."""
        said = {"act": self.act if object_id else self.act_to_add}
        if object_id:
            said["title"] = capfirst(self.opts.verbose_name)
        return super().changeform_view(request, object_id, form_url, said | (extra_context or {}))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """A list to be read: Django's heading asks to choose one to change."""
        said = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, said | (extra_context or {}))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry | None:  # type: ignore[override]
        """Nothing was changed that somebody else had done before."""
        return super().log_change(request, obj, message) if obj.done else None

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the list; who came second is told so."""
        if obj.done:
            return super().response_change(request, obj)
        self.message_user(request, _("已有他人先处理，本次操作未生效。"), messages.WARNING)
        place = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(place))


def plain_text(text: str) -> str:
    """A text that people write beside a record.

    Raises:
        ValidationError: there is a number of a person in it, which is kept nowhere in plain.
    """
    if scrub(text) != text:
        raise forms.ValidationError(_("请勿在此填写证件号码或手机号。"))
    return text


def wide_text() -> forms.TextInput:
    """A line of text, as wide as Django's own."""
    return forms.TextInput({"class": "vTextField"})
