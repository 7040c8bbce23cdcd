"""Runs the clocks of service levels and escalates contacts to the people responsible."""
