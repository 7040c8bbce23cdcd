"""Outside systems that contacts come from: one file for each kind of channel."""
