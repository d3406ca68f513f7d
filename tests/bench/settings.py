"""The settings of the benchmarks: a production-like site, nothing in DEBUG."""

SECRET_KEY = "bench"
DEBUG = False
ALLOWED_HOSTS = ["www.example.com"]
USE_TZ = True
ROOT_URLCONF = "tests.bench.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "CONN_MAX_AGE": None,
    }
}
INSTALLED_APPS = ["dumper_purge", "tests.bench.plain", "tests.bench"]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
MIDDLEWARE: list[str] = []
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
CACHE_MIDDLEWARE_SECONDS = 31_536_000
DUMPER_SINGLE_PROCESS = True
DUMPER_STRICT = True
# The outbox has benches and sites of its own; here it would be a table that is not there.
DUMPER_OUTBOX = False
