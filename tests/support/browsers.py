"""The tests of the console use the browser that the demo uses."""

from stage.browsers import MISSING, find_browser, open_browser

__all__ = ["MISSING", "find_browser", "open_browser"]
