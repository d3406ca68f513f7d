"""The outbox: purges that are due, written in the transactions of the data they are for."""

from django.db import models

__all__ = ["OutboxEntry", "OutboxNode"]


class OutboxEntry(models.Model):
    """A batch that is still to be purged: everywhere, or where ``alias`` and ``node`` say.

    Times are seconds since 1970 on the database's own clock, which all processes share. No entry
    holds anything of ``DUMPER_BACKENDS`` but an alias and a node's name: no secret is stored.
    """

    class State(models.TextChoices):
        """Dead letters were rejected or given up; they stay until they are replayed or dropped."""

        PENDING = "pending"
        DEAD = "dead"

    id = models.CharField(primary_key=True, max_length=32, editable=False)
    batch = models.TextField()
    alias = models.CharField(max_length=100, blank=True, default="")
    node = models.CharField(max_length=255, blank=True, default="")
    step = models.CharField(max_length=10, default="send")
    attempts = models.IntegerField(default=0)
    due = models.FloatField()
    created = models.FloatField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes = (
            models.Index(fields=["state", "due"], name="dumper_purge_due"),
            models.Index(fields=["alias", "node"], name="dumper_purge_target"),
        )
        verbose_name_plural = "outbox entries"

    def __str__(self) -> str:
        return self.id


class OutboxNode(models.Model):
    """What processes tell one another about a node: is it up, and what is left of its budget."""

    key = models.CharField(primary_key=True, max_length=64, editable=False)
    alias = models.CharField(max_length=100)
    node = models.CharField(max_length=255, blank=True, default="")
    failures = models.IntegerField(default=0)
    retry_at = models.FloatField(null=True)
    last_success = models.FloatField(null=True)
    last_failure = models.FloatField(null=True)
    error = models.TextField(blank=True, default="")
    tokens = models.FloatField(null=True)
    refilled_at = models.FloatField(null=True)

    class Meta:
        verbose_name_plural = "outbox nodes"

    def __str__(self) -> str:
        return f"{self.alias} {self.node}".rstrip()
