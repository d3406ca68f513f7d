"""Chaos: readers and writers at random while every part of a site fails, and no page stays old.

``python -m tests.chaos --seconds 600 --seed 1`` starts PostgreSQL, Redis, two varnishd, one behind
the other, two web processes of the ice-cream site and a worker, breaks them in turn, lets
everything become quiet, and compares every URL on every node with a fresh render.
"""
