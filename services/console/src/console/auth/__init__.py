"""Signing in and out, sessions, and what protects them."""
