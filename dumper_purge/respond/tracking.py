"""Parameters that the view does not see, handed on where it redirects."""

__all__ = ["with_tracking"]


def with_tracking(location: str, tracking: str, host: str) -> str:
    """Return a redirect's target with the parameters that were hidden from the view."""
    here = location.startswith("/") and not location.startswith("//")
    if not here and location.partition("://")[2].partition("/")[0] != host:
        return location
    target, mark, fragment = location.partition("#")
    return f"{target}{'&' if '?' in target else '?'}{tracking}{mark}{fragment}"
