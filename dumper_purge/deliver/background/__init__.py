"""What goes on beside the caller, in threads where they run."""
