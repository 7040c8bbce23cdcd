"""Keeps promises by the second and takes contacts upstairs when they are about to break."""
