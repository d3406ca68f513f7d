"""What the APIs of CDNs have in common: which calls purge a batch, and what came of them."""

from dumper_purge.backends.api.backend import ApiBackend, Limits, operation
from dumper_purge.backends.api.options import wrong

__all__ = ["ApiBackend", "Limits", "operation", "wrong"]
