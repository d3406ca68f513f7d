"""How purges are sent: requests pipelined to a node, and calls of an API over pooled connections.

The only sockets of our own; the packages of some vendors fetch their access tokens themselves.
"""
