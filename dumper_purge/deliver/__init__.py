"""From a batch to every node of every tier."""
