"""Outside systems: how they are connected, and what they are told."""
