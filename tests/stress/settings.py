"""The settings of the site that is raced; its database is a file that the environment names."""

import os

SECRET_KEY = "stress"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "tests.stress.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["STRESS_DATABASE"],
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=off;",
        },
    }
}
INSTALLED_APPS = ["dumper_purge", "tests.stress"]
MIDDLEWARE = ["dumper_purge.middleware.CacheMiddleware"]
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
DUMPER_SINGLE_PROCESS = True
DUMPER_STRICT = True
# What slips through is to be seen, not healed after some seconds.
DUMPER_QUARANTINE = 0
