"""What people, channels and the delivery workers ask of the notifier."""
