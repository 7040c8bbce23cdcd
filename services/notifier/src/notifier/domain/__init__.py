"""Who is told what, how often it is tried, and what their answer means: no I/O, no clock."""
