"""What a process whose clock is wrong finds in the outbox; it prints that as JSON."""

import json
import time

import django

django.setup()

from dumper_purge.deliver.outbox import claims, sql  # noqa: E402

claimed = [row.ref.id for row in claims.claim("default", limit=10, lease=30)]
print(
    json.dumps(
        {
            "claimed": claimed,
            "next_due": claims.next_due("default"),
            "skew": time.time() - sql.clock("default"),
        }
    )
)
