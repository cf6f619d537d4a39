"""Measures what the documentation claims, beside peers where there are any: `make bench`."""
