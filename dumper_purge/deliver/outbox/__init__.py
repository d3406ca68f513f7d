"""What is written down, so that it survives every process: entries, and who takes them up."""
