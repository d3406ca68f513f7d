"""``python3 tests``: install what is missing, then run everything that checks this package."""

import os
import sys

if sys.version_info < (3, 10):
    sys.exit("This needs Python 3.10 or newer, and runs on %d.%d." % sys.version_info[:2])

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[0] = ROOT

from tests import runner

if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(runner.main(sys.argv[1:]))
