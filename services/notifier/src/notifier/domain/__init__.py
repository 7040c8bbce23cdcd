"""Who is notified of what, how often delivery is tried, what an answer means: no I/O, no clock."""
