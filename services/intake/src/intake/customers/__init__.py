"""Customers: merges, their erasure, and which earlier contact a new one follows."""
