"""``python -m tests.conformance``: try all points at all proxies, print the README's table."""

import argparse
import sys

from tests.conformance import table
from tests.conformance.proxies import PROXIES, outcomes

parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
parser.add_argument("--points", action="store_true", help="print a line for each point")
parser.add_argument("--write", action="store_true", help=f"write {table.KEPT.name}, for the test")
options = parser.parse_args()

found = {name: outcomes(name) for name in PROXIES}
lines = list(table.points(found) if options.points else table.lines(found))
print("\n".join(lines))
if options.write:
    table.KEPT.write_text("\n".join([*table.lines(found), ""]))
sys.exit(0)
