"""What each vendor documents: how its backend is set up, and what its API answers."""
