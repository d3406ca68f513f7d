"""The settings of the ice-cream site under chaos; ``CHAOS`` (JSON) says where the servers are."""

import json
import os
from pathlib import Path

from redis.backoff import NoBackoff
from redis.retry import Retry

STAGE = json.loads(os.environ["CHAOS"])
ROLE = os.environ.get("CHAOS_ROLE", "harness")
WITHOUT = STAGE["without"]
CLOCK = Path(STAGE["folder"], f"{ROLE}-clock")

SECRET_KEY = "chaos"
DEBUG = False
ALLOWED_HOSTS = [STAGE["host"]]
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.chaos.site.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["dumper_purge", "demo.icecream", "tests.chaos.site"]
MIDDLEWARE = [
    "dumper_purge.middleware.CacheMiddleware",
    "django.middleware.common.CommonMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["demo.icecream.context.rendered"]},
    }
]
DATABASES = {"default": {**STAGE["database"], "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": STAGE["redis"],
        # A cache that is down is to be noticed at once, not after a backoff of seconds.
        "OPTIONS": {
            "socket_timeout": 1,
            "socket_connect_timeout": 1,
            "retry": Retry(NoBackoff(), 1),
        },
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"dumper": {"handlers": ["console"], "level": STAGE["log"]}},
}

# The harness renders afresh, and sees to it that this is never stored or purged.
DUMPER_ENABLED = ROLE != "harness"
DUMPER_OUTBOX = WITHOUT != "outbox"
DUMPER_ENGINE = STAGE["engine"]
DUMPER_PATH_IGNORE_REGEX = "^/chaos/"
DUMPER_STATUSES = [200, 404]
DUMPER_QUARANTINE = 0 if WITHOUT == "repeat" else STAGE["quarantine"]
DUMPER_CLOCK_SKEW = STAGE["skew"]


def _varnish(node: str) -> dict[str, object]:
    options = {"method": "xkey", "token": STAGE["token"]}
    if WITHOUT == "repeat":
        options["repeat_after"] = 0
    return {
        "BACKEND": "tests.chaos.site.backend.FragileBackend",
        "LOCATION": [STAGE[node]],
        "OPTIONS": options,
    }


_TIERS = ["outer", "inner"] if WITHOUT == "tiers" else ["inner", "outer"]
DUMPER_BACKENDS = {
    "page_cache": {"BACKEND": "dumper_purge.backends.page_cache.PageCacheBackend"},
    **{node: _varnish(node) for node in _TIERS},
}
