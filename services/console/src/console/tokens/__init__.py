"""Tokens by which the services know who looks."""
