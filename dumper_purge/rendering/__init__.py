"""From the settings to a complete VCL."""
