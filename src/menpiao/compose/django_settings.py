"""Django's settings, made from ours. Pages and the console run under WSGI, never ASGI."""

from pathlib import Path

import menpiao
from menpiao.settings import load
from menpiao.storage.database.connect import django_database
from menpiao.storage.keys import load_keys

_settings = load()
_package = Path(menpiao.__file__).parent

_keys = load_keys(_settings.key_file)

SECRET_KEY = _keys.text("django")
LIVE_FIGURES_KEY = _keys.get("live_figures")
COUNTER_KEY = _keys.get("counter")
LANE_BOARD_KEY = _keys.get("lane_board")
DEBUG = _settings.debug
ALLOWED_HOSTS = ["*"] if _settings.debug else ["localhost", "127.0.0.1", "[::1]"]
if _settings.http.public_url:
    ALLOWED_HOSTS.append(_settings.http.public_url.split("//")[-1].split("/")[0].split(":")[0])
DATABASES = {"default": django_database(_settings)}
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
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "menpiao.centre.design.views.Unavailable",
    "menpiao.centre.design.signin.Attempts",
]
ROOT_URLCONF = "menpiao.compose.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": sorted(str(p) for p in (_package / "centre").glob("*/templates")),
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ],
        },
    },
]
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = sorted((_package / "centre").glob("*/locale"))
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
STATIC_URL = "/static/"
# The design is an installed application, whose files are found as such.
STATICFILES_DIRS = [
    _package / "centre" / name / "static" for name in ("booking", "check", "counter", "statistics")
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# Logging is set up once, by the process that runs the pages.
LOGGING_CONFIG = None
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["menpiao.centre.design.signin.LimitedBackend"]
LOGIN_URL = "/view/login/"
# Behind TLS no browser sends these in the clear.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _settings.http.public_url.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        # The clerk's page talks to the counter agent on its own machine.
        "connect-src": ["'self'", "ws://127.0.0.1:*"],
        "frame-ancestors": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'self'"],
        "object-src": ["'none'"],
    },
}
