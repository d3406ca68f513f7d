"""A site whose pages take a moment to render, for what goes wrong only in a race."""
