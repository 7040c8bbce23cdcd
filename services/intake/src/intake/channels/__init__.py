"""One file per outside system that contacts come from."""
