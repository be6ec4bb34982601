"""The staff back office as a site of Django's admin."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class ConsoleSite(AdminSite):
    """Django's admin with the house's words on it."""

    site_header = _("门票后台")
    site_title = _("门票后台")
    index_title = _("设置与查询")
    site_url = "/"
