"""What the console calls: the other services."""
