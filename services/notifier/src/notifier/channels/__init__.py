"""The channels that notifications go out by: one file each."""
