"""Matching of waiting contacts with available representatives."""
