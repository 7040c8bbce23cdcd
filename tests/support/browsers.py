"""Which browser the tests of the console use."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

MISSING: Final = "no Chrome or Chromium was found: install one, or set UPSTAIRS_BROWSER to its path"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Return the path of the browser that `UPSTAIRS_BROWSER` names, or that is installed."""
    named = os.environ.get("UPSTAIRS_BROWSER")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_browser(path: str) -> AsyncIterator[Browser]:
    # Root has no sandbox, as in a container.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        await browser.close()
