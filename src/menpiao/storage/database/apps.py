"""The one Django application: every model of the house is in it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StorageConfig(AppConfig):
    """Set-up tables as managed models, hot tables as plain SQL with unmanaged read models."""

    name = "menpiao.storage.database"
    label = "menpiao"
    verbose_name = _("设置")
    default_auto_field = "django.db.models.BigAutoField"
