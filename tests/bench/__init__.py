"""The figures to reach: ``python3 tests bench``, or ``python -m tests.bench hit save``."""
