"""Request to response: what may be stored, where, and until when."""
