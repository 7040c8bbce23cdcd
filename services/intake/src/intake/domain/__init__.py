"""What intake decides, without I/O and without a clock."""
