"""What a single vendor's backend needs besides its own file: signatures, findings."""
