"""The VCL on other releases of Varnish than this machine's, each in a Debian of its own.

``python3 tests`` runs the cases of ``tests/vcl`` on Debian 13's Varnish 7.7; ``python -m
tests.releases sid`` on Vinyl Cache, which is Varnish's new name. All of it wants root, and a
machine whose apt knows a mirror of Debian.
"""
