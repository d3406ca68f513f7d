"""What the settings do not say: where Django listens, who may purge, what stands in front."""

from dataclasses import dataclass, field

__all__ = ["EXTRAS", "LOOPBACK", "Choices"]

LOOPBACK = ("127.0.0.1", "::1")
EXTRAS = ("escapes", "websockets", "unsafe")
"""The shipped files that no setting asks for."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of the command, unchecked; errors name them as the command line does."""

    alias: str | None = None
    backends: tuple[str, ...] = ("127.0.0.1:8000",)
    probe: str | None = None
    purgers: tuple[str, ...] = LOOPBACK
    terminators: tuple[str, ...] = LOOPBACK
    debuggers: tuple[str, ...] = ()
    previous_token: str | None = field(default=None, repr=False)
    acl_only: bool = False
    listeners: tuple[str, ...] = ()
    """As varnishd's ``-a`` names them: ``purge=127.0.0.1:6082``, ``:6086,PROXY``."""
    purge_listener: str | None = None
    """The name of the one listener that purges come through."""
    extras: tuple[str, ...] = ()
    public_media: bool = False
