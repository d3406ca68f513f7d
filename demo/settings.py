"""The parlour's settings. The environment says where its files lie and what stands in front.

``DEMO_FOLDER``: a folder for the database and the cache. ``DEMO_VARNISH`` and ``DEMO_TOKEN``: the
address of a Varnish and the token that its VCL asks for; without them there is no Varnish.
"""

import os
from pathlib import Path
from typing import Any

_FOLDER = Path(os.environ.get("DEMO_FOLDER", "."))
_VARNISH = os.environ.get("DEMO_VARNISH")

SECRET_KEY = "only for the demo"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "demo.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["dumper_purge", "demo.icecream"]
MIDDLEWARE = [
    "dumper_purge.middleware.CacheMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["demo.icecream.context.rendered"]},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _FOLDER / "parlour.sqlite3",
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
# A cache that every process sees, not locmem: the generations have to be shared.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": _FOLDER / "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "dumper": {"handlers": ["console"], "level": os.environ.get("DEMO_LOG", "WARNING")},
        "django.server": {"level": "ERROR"},
    },
}

DUMPER_CLOCK_SKEW = 0.0  # one machine has one clock
DUMPER_PATH_IGNORE_REGEX = r"^/edit/"
DUMPER_BACKENDS: dict[str, dict[str, Any]] = {
    "page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
}
if _VARNISH:
    DUMPER_BACKENDS["varnish"] = {
        "BACKEND": "dumper_purge.backends.varnish.VarnishBackend",
        "LOCATION": [_VARNISH],
        "OPTIONS": {"method": "xkey", "token": os.environ["DEMO_TOKEN"]},
    }
