"""Connections of outside systems: what managers change, what came by them, and silence."""
