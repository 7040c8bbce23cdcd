"""The decisions of escalation, without I/O and without a clock of their own."""
