"""The views of the benchmarks. Neither touches a database."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

DESCRIPTION = "Made this morning from milk, sugar and very little else; until it is gone. " * 13
ROWS = [
    {"name": f"Flavour {number}", "slug": f"flavour-{number}", "description": DESCRIPTION}
    for number in range(20)
]
CONSTANT = b"<p>Lemon, vanilla, hazelnut.</p>\n" * 670


def rendered(request: HttpRequest, year: int, slug: str) -> HttpResponse:
    """Render a page of 22 kB from a template with 20 rows."""
    return render(request, "bench/page.html", {"rows": ROWS, "year": year, "slug": slug})


def constant(request: HttpRequest, slug: str, year: int = 0) -> HttpResponse:
    """Return 22 kB that are there already."""
    return HttpResponse(CONSTANT)
