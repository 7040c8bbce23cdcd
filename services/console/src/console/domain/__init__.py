"""What the console decides by itself, without I/O and without a clock."""
