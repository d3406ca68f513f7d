"""A page whose lifetime of a second is over."""

import time

from tests.conformance.case import Case
from tests.conformance.origin import Answer, Rule

__all__ = ["OVER", "SETTLED", "outlived", "page"]

OVER = 2.1
"""Seconds after which a lifetime of one is over, for those who count in whole seconds as well."""

SETTLED = 0.4
"""Seconds after which a proxy has done what it does behind a visitor's back."""


def page(words: str, *more: tuple[str, str], name: str = "Cache-Control") -> Answer:
    """Return a page that the origin says this of."""
    return Answer(headers=[(name, words), *more])


def outlived(case: Case, first: Answer, *then: Rule) -> bytes:
    """Have the page stored, and let its lifetime of a second be over; return its body."""
    case.answers(first, *then)
    body = case.ask().body
    assert case.ask().body == body
    time.sleep(OVER)
    return body
