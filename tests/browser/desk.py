"""People in front of browsers, who have signed in to the console."""

import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from playwright.async_api import Browser, Page, expect

Theme = Literal["light", "dark"]
OUT: Final = Path(__file__).parent / "out"
# Now, or Mine for a representative.
FIRST_PAGE: Final = re.compile(r"/(now|mine)$")
AXE: Final = Path(__file__).parent / "vendor" / "axe.min.js"
_WIDTH: Final = 1280
_HEIGHT: Final = 900
PHONE_WIDTH: Final = 320
_PHONE_HEIGHT: Final = 640


class Desk:
    """`errors` are those of scripts and of the policy for content."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._stack = AsyncExitStack()
        self.errors: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def sit_down(self, person: str, *, language: str = "en") -> Page:
        """Return a page of a person who has just signed in."""
        context = await self._browser.new_context(
            base_url=self._url,
            locale=language,
            color_scheme="light",
            viewport={"width": _WIDTH, "height": _HEIGHT},
        )
        self._stack.push_async_callback(context.close)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto("/sign-in")
        await page.locator(f"form:has(input[value={person}]) button").press("Enter")
        await page.wait_for_url(FIRST_PAGE)
        return page


async def accessibility_problems(page: Page) -> list[str]:
    """Return what axe finds on the page, with the places."""
    # The policy of the page lets no script in from elsewhere; this one is evaluated.
    await page.evaluate(AXE.read_text())
    results: dict[str, Any] = await page.evaluate("axe.run(document)")
    return [
        f"{violation['id']}: {violation['help']} ({node['target']})"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]


async def look_in_both_themes(page: Page, name: str) -> None:
    """Take a picture in each theme, in which the page must be accessible."""
    for theme in get_args(Theme):
        await page.emulate_media(color_scheme=theme)
        await take_picture(page, f"{name}-{theme}")
        problems = await accessibility_problems(page)
        assert not problems, problems


async def look_on_phone(page: Page, name: str) -> None:
    """Take a picture on a phone, whose width the page must fit."""
    await look_at_width(page, PHONE_WIDTH, f"{name}-phone")


async def look_at_width(page: Page, width: int, name: str) -> None:
    """Take a picture in a narrow window, which the page must fit; leave the window as it was."""
    size = page.viewport_size
    assert size is not None
    await page.set_viewport_size({"width": width, "height": _PHONE_HEIGHT})
    await take_picture(page, name)
    needed = await page.evaluate("document.documentElement.scrollWidth")
    assert needed <= width, f"{name} needs {needed} pixels"
    await page.set_viewport_size(size)


async def take_picture(page: Page, name: str) -> None:
    """Write it to `tests/browser/out`, to be looked at."""
    OUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUT / f"{name}.png", full_page=True)


async def tab_to(page: Page, label: str) -> None:
    """Press Tab until the field, button or link of this name has the focus."""
    wanted = page.get_by_label(label, exact=True).or_(
        page.get_by_role("button", name=label, exact=True)
    )
    wanted = wanted.or_(page.get_by_role("link", name=label, exact=True)).first
    await expect(wanted).to_be_visible()
    for _ in range(200):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"The keyboard does not reach {label}")
