"""Chairs for the people of the stories: in a browser if there is one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Error

from stage.browsers import MISSING, find_browser, open_browser
from stage.chairs.chair import Chair
from stage.chairs.keyboard import sit_at_keyboard
from stage.chairs.pages import sit_before_pages
from stage.console import wait_until_admitted


@dataclass(frozen=True, slots=True)
class OfferedChairs:
    """The chairs by person; `method` says how they look at the console."""

    chairs: Mapping[str, Chair]
    method: str


@asynccontextmanager
async def open_chairs(url: str, people: Sequence[str]) -> AsyncIterator[OfferedChairs]:
    """Let the people sign in to the console."""
    await wait_until_admitted(url, people)
    async with AsyncExitStack() as stack:
        path, reason = find_browser(), MISSING
        browser: Browser | None = None
        try:
            browser = await stack.enter_async_context(open_browser(path))
        except Error as error:
            # Such as a library of the system that is missing.
            reason = error.message.splitlines()[0] if path else reason
        chairs: dict[str, Chair] = {}
        for person in people:
            chair = (
                sit_at_keyboard(browser, url, person) if browser else sit_before_pages(url, person)
            )
            chairs[person] = await stack.enter_async_context(chair)
        if browser is None:
            yield OfferedChairs(chairs, f"by its pages by HTTP: {reason}")
        else:
            yield OfferedChairs(chairs, "in a browser, with the keyboard only")
