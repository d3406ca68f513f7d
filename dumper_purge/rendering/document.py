"""The whole VCL, put together."""

from dataclasses import dataclass, field

from dumper_purge.backends.varnish import VarnishBackend
from dumper_purge.conf import current
from dumper_purge.rendering.choices import Choices
from dumper_purge.rendering.languages import has_several_languages
from dumper_purge.rendering.literals import comment
from dumper_purge.rendering.problem import problem
from dumper_purge.rendering.sections import sections
from dumper_purge.rendering.shipped import parts, shipped_files, without_version
from dumper_purge.rendering.varnish import varnish

__all__ = ["Rendered", "render"]

_HEAD = """\
Rendered by "manage.py dumper vcl" from the site's settings: change those and render it anew.
It holds the token that purges: let nobody read it but whoever starts varnishd."""

_START = f"{comment(_HEAD)}\nvcl 4.1;\n\nimport std;"


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A VCL that was rendered: the site's part, and the shipped files that follow it."""

    site: str = field(repr=False)
    shipped: dict[str, str] = field(repr=False)
    notices: tuple[str, ...]
    """What the person who renders it should know."""

    @property
    def main(self) -> str:
        """The site's part, which includes the files beside it."""
        included = {part for text in self.shipped.values() for part in parts(text)}
        names = (name for name in self.shipped if name not in included)
        includes = "".join(f'include "./{name}";\n' for name in names)
        return f"{self.site}\n{includes}"

    @property
    def whole(self) -> str:
        """Everything in one text."""
        texts = [
            f"\n{comment(f'-- {name} --')}\n\n{without_version(text)}"
            for name, text in self.shipped.items()
        ]
        return self.site + "".join(texts)


def render(choices: Choices) -> Rendered:
    """Render it; raise ImproperlyConfigured, naming the setting or option, value and remedy."""
    backend = varnish(choices.alias)
    parts = sections(choices, backend)
    return Rendered(
        site="\n\n".join([_START, *(part.text for part in parts)]) + "\n",
        shipped=shipped_files(_shipped(choices, backend)),
        notices=tuple(notice for part in parts for notice in part.notices),
    )


def _shipped(choices: Choices, backend: VarnishBackend) -> list[str]:
    """Return the names in the order in which they have to be included."""
    tags = backend.method == "xkey"
    if "unsafe" in choices.extras and not tags:
        raise problem("--with", "unsafe", "needs OPTIONS['method'] = 'xkey'")
    wanted = {
        "escapes": "escapes" in choices.extras,
        "languages": has_several_languages(),
        "websockets": "websockets" in choices.extras,
        "xkey": tags,
        "unsafe": "unsafe" in choices.extras,
        # Tags and bans cover every query of a path; a PURGE does where they are variants of it.
        "variants": backend.method == "purge" and bool(current().query_parameters),
    }
    return [
        *(f"dumper_{name}.vcl" for name, is_wanted in wanted.items() if is_wanted),
        "dumper.vcl",
    ]
