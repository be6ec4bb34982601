"""The one Django application: every model of the house is in it."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    """Set-up tables as managed models, hot tables as plain SQL with unmanaged read models."""

    name = "menpiao.storage.database"
    label = "menpiao"
    verbose_name = "门票"
    default_auto_field = "django.db.models.BigAutoField"
