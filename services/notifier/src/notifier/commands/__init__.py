"""The commands of the notifier, beside those of every service."""
