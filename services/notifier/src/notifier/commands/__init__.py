"""The commands of the notifier, besides those of every service."""
