"""The ice-cream site, slow and fragile: what the processes under chaos run."""
