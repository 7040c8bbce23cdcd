"""What intake does besides answering requests and handling the events of other services."""
