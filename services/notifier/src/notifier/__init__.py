"""Notifies the responsible person on time, exactly once, and takes the answer."""
