"""Job queues on PostgreSQL that others use, set up as their own documentation recommends."""
