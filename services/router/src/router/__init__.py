"""Assigns each contact to an available representative with its skill and language."""
