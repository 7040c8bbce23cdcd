"""The representatives: profile, presence and load."""
