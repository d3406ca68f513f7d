"""Our VCL beside stock Varnish: two varnishd, the same origin, the same requests."""
