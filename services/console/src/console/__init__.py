"""Shows people what needs them, why, how long is left, and what to press."""
