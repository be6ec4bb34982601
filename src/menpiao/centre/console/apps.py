"""How Django knows the console."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    """Read models of the hot tables: no migrations, the tables are made by SQL."""

    name = "menpiao.centre.console"
    label = "console"
    verbose_name = _("经营记录")


class ConsoleAdminConfig(AdminConfig):
    """Django's admin under our name."""

    default_site = "menpiao.centre.console.site.ConsoleSite"
