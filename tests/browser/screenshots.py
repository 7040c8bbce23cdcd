"""`python -m browser.screenshots URL`: takes the pictures of README.md from a running console.

They show what the simulated centre does at a moment in which something needs Sara.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from playwright.async_api import Page, expect

from browser.desk import Desk
from stage.browsers import MISSING, find_browser, open_browser

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
PERSON: Final = "sara"
_MAX_KB: Final = 300
_KB: Final = 1000
# Enough to show what the screens are for; the simulated centre gets there within minutes.
_LEAST_ROWS: Final = 5
_MAX_WAIT_MS: Final = 600_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("url", help="the address of the console, as make run prints it")
    url = parser.parse_args().url
    path = find_browser()
    if path is None:
        _print(MISSING)
        return 1
    files = asyncio.run(_take_pictures(path, url))
    total_kb = sum(file.stat().st_size for file in files) / _KB
    _print(f"{', '.join(file.name for file in files)}: {total_kb:.0f} KB")
    if total_kb > _MAX_KB:
        _print(f"They are too large for the repository: at most {_MAX_KB} KB together")
        return 1
    return 0


async def _take_pictures(browser_path: str, url: str) -> list[Path]:
    async with open_browser(browser_path) as browser, Desk(browser, url) as desk:
        page = await desk.sit_down(PERSON)
        await _await_moment(page)
        files = [await _take(page, "now")]
        await page.locator("tbody[data-band=needs_you] .headline").first.click()
        await page.wait_for_url("**/e/*")
        files.append(await _take(page, "escalation"))
    return files


async def _await_moment(page: Page) -> None:
    """Wait until something needs the person, and others have something too."""
    _print("Waiting until something needs Sara …")
    await expect(page.locator("tbody[data-band=needs_you] tr.row").first).to_be_visible(
        timeout=_MAX_WAIT_MS
    )
    await expect(page.locator("tr.row").nth(_LEAST_ROWS - 1)).to_be_visible(timeout=_MAX_WAIT_MS)


async def _take(page: Page, name: str) -> Path:
    await expect(page.locator("#freshness")).to_contain_text("live")
    path = IMAGES / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    await page.screenshot(path=path)
    return path


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
