"""The only sockets: requests pipelined to a node, and calls of an API over pooled connections."""
