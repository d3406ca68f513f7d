"""What may stand in a request, so that none of it ends a line early (RFC 9110, 5.5 and 5.6.2)."""

import re

__all__ = ["FIELD_VALUE", "TOKEN", "VISIBLE"]

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A method, or the name of a header."""

VISIBLE = re.compile(r"[\x21-\x7e]+")
"""Printable ASCII without a space: a target, a host, a secret."""

FIELD_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")
"""The value of a header: printable ASCII, with no space at its ends; it may be empty."""
