"""Django signals that tell what became of a purge.

``purge_sent`` and ``purge_failed`` are sent for each purge of a node, the second one included, with
``alias`` (str), ``node`` (str), ``batch`` (:class:`~dumper_purge.batch.PurgeBatch`), ``attempts``
(int) and ``seconds`` (float);
``purge_failed`` has ``error`` (the exception) and ``final`` (bool: it is not tried again) as well.
Where the generations in the shared cache failed, the alias is ``"fence"``; where dependents were
being collected, it is ``""``. The sender is the backend's class, or the model.
"""

from django.dispatch import Signal

__all__ = ["purge_failed", "purge_sent"]

purge_sent = Signal()
purge_failed = Signal()
