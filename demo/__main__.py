"""``python3 demo``: make the environment, then run the ice-cream parlour in it."""

import os
import sys

if sys.version_info < (3, 10):
    sys.exit("This needs Python 3.10 or newer, and runs on %d.%d." % sys.version_info[:2])

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[0] = ROOT

from demo import options, stage
from demo.machine import environment, interpreters, packages, servers
from tests.varnish import VarnishFailed


def main(arguments: list[str]) -> int:
    """Run the demo and return its exit status."""
    try:
        return run(arguments)
    except (packages.SetUpError, VarnishFailed) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(arguments: list[str]) -> int:
    """Set the machine up as far as the options need it, and run the parlour."""
    chosen = options.parse(arguments)
    os.environ["PATH"] = packages.PATH
    absent = packages.missing(servers.VARNISH) if chosen.varnish else []
    if absent:
        packages.install(absent, yes=chosen.yes)
    requirements = environment.runtime_requirements()
    python = environment.make("demo", interpreters.running(), requirements, yes=chosen.yes)
    variables = environment.variables() | {"DEMO_LOG": "INFO" if chosen.serve else "WARNING"}
    port = chosen.port or (8000 if chosen.serve else 0)
    with stage.built(variables, varnish=chosen.varnish, port=port) as built:
        return built.run(python, "serve" if chosen.serve else "story")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
