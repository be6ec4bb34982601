"""The staff back office as a site of Django's admin."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from menpiao.centre.console.models import Conflict, Refund, stopped


class ConsoleSite(AdminSite):
    """Django's admin with the house's words on it."""

    site_header = _("门票后台")
    site_title = _("门票后台")
    index_title = _("设置与查询")
    site_url = "/"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page says: also what waits for somebody, and how many, to whom may see it."""
        context = super().each_context(request)
        if request.user.has_perm("console.view_conflict"):
            context["open_conflicts"] = Conflict.objects.filter(state="open").count()
        if request.user.has_perm("console.view_refund"):
            context["stopped_refunds"] = stopped(Refund.objects.all()).count()
        return context
