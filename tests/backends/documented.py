"""What the README says of the defaults of OPTIONS."""

import re
from ast import literal_eval
from dataclasses import MISSING, fields
from pathlib import Path

README = (Path(__file__).parents[2] / "README.rst").read_text()

NAME = re.compile(r"``(\w+)``")
NUMBER = r"[0-9][0-9,]*"
STATED = re.compile(rf"``(\w+)`` \((``[^`]+``|{NUMBER})[,;:)]")
VENDORS = ("Akamai", "Azure", "bunny.net", "Cloudflare", "CloudFront", "Fastly", "Google")
VENDOR = "|".join(map(re.escape, (*VENDORS, "``generic``")))
OTHERWISE = re.compile(rf"((?:{VENDOR})(?:(?:, | and )(?:{VENDOR}))*) ({NUMBER})\b")


def section(title):
    """Return the text below a heading."""
    found = re.search(
        rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", README, re.MULTILINE | re.DOTALL
    )
    return found[1]


def entry(cls):
    """Return what is indented below the dotted path of a backend that is no CDN."""
    path = re.escape(f"``{cls.__module__}.{cls.__name__}``")
    return re.search(rf"^{path}\n(.*?)(?=^\S)", README, re.MULTILINE | re.DOTALL)[1]


def rows(text):
    """Yield the rows of the tables in a text, without their heads, each as its cells."""
    for table in re.findall(r"^ *=+ .*\n(?:.*\S.*\n)+?^ *=+ .*\n(?:.*\S.*\n)+", text, re.MULTILINE):
        lines = table.splitlines()
        spans = [match.span() for match in re.finditer("=+", lines[0])]
        spans[-1] = (spans[-1][0], None)
        found = []
        for line in lines[3:-1]:
            cells = [line[begin:end].strip() for begin, end in spans]
            if cells[0] and not cells[0].startswith("``."):
                found.append(cells)
            else:
                pairs = zip(found[-1], cells, strict=True)
                found[-1] = [f"{above} {below}".strip() for above, below in pairs]
        yield from found


def value(text):
    """Return a default as it is written: ``None``, 10,000, ``["https"]``, required."""
    if text == "required":
        return MISSING
    literal = text.strip("`")
    found = literal_eval(literal.replace(",", "") if re.fullmatch(NUMBER, literal) else literal)
    return tuple(found) if isinstance(found, list) else found


def in_table(text):
    """Return the defaults of tables with the columns option, default, meaning."""
    found = {}
    for options, defaults, _ in rows(text):
        names = NAME.findall(options)
        if len(names) == 1:
            found[names[0]] = defaults
        else:
            found |= zip(names, defaults.split(", "), strict=False)
    return {name: value(text) for name, text in found.items() if is_value(text)}


def is_value(text):
    return text == "required" or bool(re.fullmatch(rf"``.+``|{NUMBER}", text))


def in_brackets(text):
    """Return the defaults that stand in brackets after their options."""
    return {name: value(text) for name, text in STATED.findall(" ".join(text.split()))}


def otherwise(meaning, classes):
    """Return the defaults that stand beside a meaning with the vendors that they are for."""
    return {
        cls: value(number)
        for vendors, number in OTHERWISE.findall(meaning)
        for vendor in re.findall(VENDOR, vendors)
        for cls in classes
        if cls.__name__.lower().startswith(vendor.strip("`").partition(".")[0].lower())
    }


def default(cls, name):
    """Return the default of an option; MISSING where it is required."""
    field = next(field for field in fields(cls) if field.name == name)
    return field.default if field.default_factory is MISSING else field.default_factory()
