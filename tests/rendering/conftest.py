"""A site behind one Varnish, whose settings each test changes."""

import pytest

from tests.rendering.site import varnishes


@pytest.fixture(autouse=True)
def site(settings):
    """The settings, with one Varnish."""
    settings.DUMPER_BACKENDS = varnishes()
    return settings
