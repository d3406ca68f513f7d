"""``python -m tests.releases sid``: run the cases on one release and name those that fail."""

import argparse
import sys

from demo.machine.packages import SetUpError
from tests.releases.cases import RELEASES
from tests.vcl.cases import NAMES


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.releases", description=__doc__)
    parser.add_argument("suite", choices=sorted(RELEASES), help="the Debian that it comes with")
    parser.add_argument("--anew", action="store_true", help="fetch all of it again first")
    options = parser.parse_args()
    release = RELEASES[options.suite]
    try:
        with release.debian.ready(anew=options.anew):
            print(release.version(), flush=True)
            failures = release.failures()
    except SetUpError as problem:
        print(problem, file=sys.stderr)
        return 1
    for name, reason in failures.items():
        print(f"{name}\n{reason}")
    print(f"{len(NAMES) - len(failures)} of {len(NAMES)} cases pass")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
