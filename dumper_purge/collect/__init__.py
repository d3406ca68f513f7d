"""Model changes become batches: who registered, what a write touches, when it is committed."""
