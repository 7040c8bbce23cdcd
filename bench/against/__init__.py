"""Compares this checkout with another revision: both alternate in one run on the same servers."""
