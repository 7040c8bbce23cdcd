"""Which browser opens the console: for the demo, and for the tests of the console."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

MISSING: Final = "no Chrome or Chromium was found: install one, or set UPSTAIRS_BROWSER to its path"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_CHROME_OF_MACOS: Final = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find_browser() -> str | None:
    """Return the path of the browser that `UPSTAIRS_BROWSER` names, or that is installed."""
    named = os.environ.get("UPSTAIRS_BROWSER")
    places = (*_NAMES, _CHROME_OF_MACOS)
    return named or next((path for place in places if (path := shutil.which(place))), None)


@asynccontextmanager
async def open_browser(path: str | None) -> AsyncIterator[Browser]:
    """Without a path, open that of `playwright install chromium`; raises Error if none starts."""
    # Root has no sandbox, as in a container.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        await browser.close()
