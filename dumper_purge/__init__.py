"""Cache public Django pages for a year and purge exactly the right ones after a save.

The documented spelling is ``import dumper_purge as dumper``.
"""

from dumper_purge.batch import Pattern, Prefix, PurgeBatch
from dumper_purge.collect.purges import (
    purge_everything,
    purge_objects,
    purge_paths,
    purge_prefixes,
    purge_tags,
)
from dumper_purge.collect.registering import register, unregister
from dumper_purge.collect.scope import collecting, paused
from dumper_purge.deliver.health import health
from dumper_purge.respond.directives import edge_cache, expires, never_edge
from dumper_purge.respond.fence import generation
from dumper_purge.respond.tags import object_tag, tag

__all__ = [
    "Pattern",
    "Prefix",
    "PurgeBatch",
    "collecting",
    "edge_cache",
    "expires",
    "generation",
    "health",
    "never_edge",
    "object_tag",
    "paused",
    "purge_everything",
    "purge_objects",
    "purge_paths",
    "purge_prefixes",
    "purge_tags",
    "register",
    "tag",
    "unregister",
]
