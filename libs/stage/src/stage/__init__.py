"""The whole of Upstairs on one machine, with people who act on it."""
