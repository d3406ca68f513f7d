"""The command line of ``python3 demo``."""

import argparse
from collections.abc import Sequence

__all__ = ["parse"]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; leave with a message for wrong ones."""
    parser = argparse.ArgumentParser(
        prog="python3 demo",
        description="An ice-cream parlour whose pages are cached for a year and never stale.",
        epilog="The exit status is 0 only if every page shown was fresh.",
    )
    parser.add_argument("--varnish", action="store_true", help="put a real varnishd in front")
    parser.add_argument("--serve", action="store_true", help="leave the site running")
    parser.add_argument("--port", type=port, default=0, help="the port of --serve (default: 8000)")
    parser.add_argument("--yes", action="store_true", help="install with sudo without asking")
    return parser.parse_args(arguments)


def port(text: str) -> int:
    """Return a port's number; its name stands in argparse's message."""
    number = int(text)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port: 1 to 65535")
    return number
