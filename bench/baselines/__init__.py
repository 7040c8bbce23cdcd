"""Widely used job queues on PostgreSQL, set up as their documentation recommends."""
