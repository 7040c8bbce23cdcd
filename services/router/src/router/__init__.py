"""Gives each contact to the right representative."""
