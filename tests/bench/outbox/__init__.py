"""What the outbox costs, how fast it is emptied, and what it bears.

Each bench has sites of its own: a database, and processes with the settings of ``settings.py``,
which run the functions of ``acts``. Times are of one clock, the machine's monotonic one.
"""
