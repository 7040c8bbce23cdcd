"""Which browser the tests of the console use."""

import os
import shutil
from typing import Final

MISSING: Final = "no Chrome or Chromium was found: install one, or set UPSTAIRS_BROWSER to its path"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Return the path of the browser that `UPSTAIRS_BROWSER` names, or that is installed."""
    named = os.environ.get("UPSTAIRS_BROWSER")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)
