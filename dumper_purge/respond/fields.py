"""The header fields of a response, as Django keeps them: by name in lower case.

Django checks each name and value that is set, which costs more than all else that a hit does.
What is put here was built by ourselves, or checked when the view set it.
"""

from django.http.response import HttpResponseBase

__all__ = ["Fields", "drop", "of", "put", "replace", "value"]

Fields = dict[str, tuple[str, str]]


def of(response: HttpResponseBase) -> Fields:
    """Return the fields themselves, by their names in lower case: name as written, and value."""
    fields: Fields = response.headers._store
    return fields


def value(response: HttpResponseBase, name: str) -> str | None:
    """Return the value of a field, named in lower case."""
    field = of(response).get(name)
    return None if field is None else field[1]


def put(response: HttpResponseBase, name: str, text: str) -> None:
    """Set a field to a text of ours, which has no line break and no character beyond Latin-1."""
    of(response)[name.lower()] = (name, text)


def replace(response: HttpResponseBase, fields: Fields) -> None:
    """Give a response a copy of the fields of another."""
    response.headers._store = dict(fields)


def drop(response: HttpResponseBase, name: str) -> None:
    """Remove a field, named in lower case, if it is there."""
    of(response).pop(name, None)
