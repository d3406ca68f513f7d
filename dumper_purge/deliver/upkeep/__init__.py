"""What becomes of entries after their delivery, and when they come up again."""
