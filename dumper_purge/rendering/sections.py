"""The parts of the site's VCL, in order."""

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.rendering.access import access
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.cookies import cookies
from dumper_purge.rendering.hosts import hosts
from dumper_purge.rendering.languages import has_several_languages, languages
from dumper_purge.rendering.origin import origin
from dumper_purge.rendering.paths import paths
from dumper_purge.rendering.queries import queries
from dumper_purge.rendering.section import Section

__all__ = ["sections"]

_STATUSES = Section(
    about="Of 2xx (but 206), 3xx (but 304), 404 and 410 what states a lifetime is stored; of other"
    " statuses\nnothing.",
    body="sub dumper_statuses {\n}",
)


def sections(choices: Choices, backend: VarnishBackend) -> list[Section]:
    """Return them; raise ImproperlyConfigured, naming the setting or option, value and remedy."""
    several = [languages()] if has_several_languages() else []
    return [
        origin(choices),
        access(choices, backend),
        hosts(),
        paths(choices),
        cookies(),
        queries(),
        *several,
        _STATUSES,
    ]
