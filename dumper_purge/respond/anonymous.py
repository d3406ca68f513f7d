"""Sessions of visitors without a session cookie: reading an empty one is the same for everyone.

SessionMiddleware adds ``Vary: Cookie`` as soon as the session was looked at, which nearly every
template does through the auth context processor. For a request without a session cookie the
session is told to keep that quiet unless it was changed; any ``Vary: Cookie`` that still comes out
has another origin.
"""

from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from dumper_purge.respond.kinds import mixed

__all__ = ["let_sessions_be_quiet", "session_of", "was_read", "was_written"]


class _Quiet:
    """Mixed into the class of a session: ``accessed`` is False while nothing was changed."""

    modified: bool

    @property
    def accessed(self) -> bool:
        return self.modified and bool(self.__dict__.get("accessed"))

    @accessed.setter
    def accessed(self, value: bool) -> None:
        self.__dict__["accessed"] = value


class _QuietSessions:
    """Mixed into the class of a request: what is assigned to ``session`` becomes quiet."""

    @property
    def session(self) -> Any:
        try:
            return self.__dict__["session"]
        except KeyError:
            raise AttributeError("session") from None

    @session.setter
    def session(self, session: Any) -> None:
        if issubclass(type(session), SessionBase):
            session.__class__ = mixed(type(session), _Quiet)
        self.__dict__["session"] = session

    @session.deleter
    def session(self) -> None:
        del self.__dict__["session"]


def let_sessions_be_quiet(request: HttpRequest) -> None:
    """Make the session of a request, which has no session cookie, add no ``Vary: Cookie``."""
    session = request.__dict__.get("session")
    request.__class__ = mixed(type(request), _QuietSessions)
    if session is not None:
        request.session = session


def session_of(request: HttpRequest) -> Any:
    """Return the request's session, or None."""
    return request.__dict__.get("session")


def was_read(session: Any) -> bool:
    """Tell whether a session, quiet or not, was looked at."""
    return bool(getattr(session, "__dict__", {}).get("accessed", True))


def was_written(session: Any) -> bool:
    """Tell whether a session was changed, created, saved or given a key."""
    return bool(getattr(session, "modified", True) or getattr(session, "session_key", None))
