"""Keeps open pages up to date: one follower of escalation's stream for all who see the same."""
