"""The people of the stories before the console: in a browser if there is one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Error

from stage.browsers import MISSING, find_browser, open_browser
from stage.console import wait_until_admitted
from stage.console_users.keyboard import open_keyboard_user
from stage.console_users.pages import open_page_user
from stage.console_users.user import ConsoleUser


@dataclass(frozen=True, slots=True)
class OfferedUsers:
    """The users of the console by person; `method` says how they look at the console."""

    console_users: Mapping[str, ConsoleUser]
    method: str


@asynccontextmanager
async def open_console_users(url: str, people: Sequence[str]) -> AsyncIterator[OfferedUsers]:
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
        users: dict[str, ConsoleUser] = {}
        for person in people:
            user = (
                open_keyboard_user(browser, url, person) if browser else open_page_user(url, person)
            )
            users[person] = await stack.enter_async_context(user)
        if browser is None:
            yield OfferedUsers(users, f"by its pages by HTTP: {reason}")
        else:
            yield OfferedUsers(users, "in a browser, with the keyboard only")
