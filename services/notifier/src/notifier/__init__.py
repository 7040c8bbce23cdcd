"""Tells whoever must know, on time, once, and takes their answer."""
