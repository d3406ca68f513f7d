"""A site that is set up rightly, and what the checks say when it is changed."""

from django.core.checks import run_checks
from django.test import override_settings

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
SITE = {
    "CACHES": {"default": {"BACKEND": LOCMEM, "OPTIONS": {"MAX_ENTRIES": 10_000}}},
    "MIDDLEWARE": ["dumper_purge.middleware.CacheMiddleware"],
}


def found(*tags, **changes):
    """Return the messages of ``check --tag``, by id; without tags those of the package."""
    with override_settings(**{**SITE, **changes}):
        return {message.id: message for message in run_checks(tags=tags or ["dumper_purge"])}
