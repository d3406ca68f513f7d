"""Tags of responses: added from anywhere in a request, kept within every cache's budget."""

import hashlib
import logging
import re
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Model

from dumper_purge.backends.base import BaseBackend
from dumper_purge.batch import check_tag, overflow_tag
from dumper_purge.exceptions import InvalidDependent
from dumper_purge.respond.page import current_page

__all__ = ["collapsed", "fitted", "object_tag", "tag"]

logger = logging.getLogger("dumper.respond")

_MOST_OWN_TAGS = 200
_OVERFLOW = re.compile(r"m-[A-Za-z0-9_]+\.[A-Za-z0-9_]+|b-[0-9]{2}")


def tag(*tags: str) -> None:
    """Add tags to the response that is being built; without a request, do nothing.

    May be called from views, template tags, context processors and model code, sync or async.
    Raises :class:`~dumper_purge.exceptions.InvalidDependent` for a tag that cannot be sent; the
    response is then not stored, even if the error is caught.
    """
    page = current_page.get()
    try:
        checked = [check_tag(name) for name in tags]
    except InvalidDependent:
        if page is not None:
            page.spoiled = "a tag is invalid"
        raise
    if page is not None:
        page.tags.update(checked)


def object_tag(obj: Model) -> str:
    """Return the tag of one object: ``app.model:pk``, of its topmost ancestor with a table.

    A row that is read as its parent class, or as a proxy, has the same tag.

    It is purged where ``dependent_tags()`` or ``purge_tags()`` names it. Raises
    :class:`~dumper_purge.exceptions.InvalidDependent` for an object that was not saved yet.
    """
    if obj.pk is None:
        raise InvalidDependent(
            f"{obj._meta.label} has no tag before it has a primary key: save it."
        )
    label, pk = _topmost(obj)
    name = f"{label}:{pk}"
    try:
        return check_tag(name)
    except InvalidDependent:
        digest = hashlib.blake2b(name.encode(), digest_size=10).hexdigest()
        return check_tag(f"{label}:~{digest}")


def _topmost(obj: Model) -> tuple[str, Any]:
    meta: Any = (obj._meta.concrete_model or type(obj))._meta
    pk = obj.pk
    while links := [(parent, link) for parent, link in meta.parents.items() if link is not None]:
        parent, link = links[0]
        meta, pk = parent._meta.concrete_model._meta, getattr(obj, link.attname)
    return meta.label_lower, pk


def collapsed(own: Collection[str]) -> frozenset[str]:
    """Return a page's own tags; very many become their overflow tags, with a warning."""
    if len(own) <= _MOST_OWN_TAGS:
        return frozenset(own)
    logger.warning(
        "A response has %d tags of its own, such as %r: more than %d are kept as the coarser tags"
        " of their models and groups. Tag what is listed by one tag instead.",
        len(own), min(own), _MOST_OWN_TAGS,
    )  # fmt: skip
    return _coarse(own)


def fitted(
    backend: BaseBackend, implied: Iterable[str], own: Collection[str]
) -> tuple[str, ...] | None:
    """Return the tags to send to one cache; None if not even the coarsest fit its budget."""
    implied = tuple(implied)
    for tags in (own, _coarse(own)):
        sent = tuple(map(backend.spelled, (*implied, *sorted(tags))))
        size = len(backend.tag_separator.join(sent))
        if len(sent) <= backend.max_tags and size <= backend.max_tag_bytes:
            return sent
        logger.warning(
            "A response has %d tags of %d bytes, and %r takes %d of %d.",
            len(sent), size, backend.alias, backend.max_tags, backend.max_tag_bytes,
        )  # fmt: skip
    return None


def _coarse(own: Iterable[str]) -> frozenset[str]:
    # An overflow tag has no coarser one that its purges would purge as well.
    return frozenset(tag if _OVERFLOW.fullmatch(tag) else overflow_tag(tag) for tag in own)
