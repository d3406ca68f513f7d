"""Engines: who carries out what stands in the outbox (``DUMPER_ENGINE``)."""
