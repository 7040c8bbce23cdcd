"""Decides which representative gets which contact, without I/O and without a clock."""
