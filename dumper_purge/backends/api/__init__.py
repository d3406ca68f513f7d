"""What the APIs of CDNs have in common: which calls purge a batch, and what came of them.

From above: a ``backend`` makes a ``purge`` of a batch, for which the ``planning`` names the items;
``sending`` makes the calls, by the ``client`` and its ``operations``; what failed tells the
``remainder`` of the batch. ``templates`` are calls that users write in OPTIONS themselves.
"""

from dumper_purge.backends.api.backend import ApiBackend
from dumper_purge.backends.api.operations import Limits, operation

__all__ = ["ApiBackend", "Limits", "operation"]
