"""Django's settings for the type checker: the same apps, and nothing that reads or starts anything.

The real ones (``menpiao.compose.django_settings``) open the data folder and know the database;
checking types must do neither. ``tests/house/test_types.py`` holds the apps together.
"""

SECRET_KEY = "only for the type checker"  # noqa: S105 - no process runs with it
LIVE_FIGURES_KEY = b""
COUNTER_KEY = b""
LANE_BOARD_KEY = b""
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "none"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "menpiao.centre.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "menpiao.storage.database",
    "menpiao.centre.design",
    "menpiao.centre.console.apps.ConsoleConfig",
]
USE_TZ = True
