"""The four stories of `make demo`, by a supervisor and a manager, by keyboard only."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from browser.conftest import BrowserStage
from browser.desk import take_picture
from stage.console_users.keyboard import KeyboardUser, open_keyboard_user
from stage.stories import STORIES, Scenario

pytestmark = pytest.mark.xdist_group("browser")

PRESSED = {
    "Missed deadline": ["acknowledge"],
    "Customer asks for a supervisor": ["take_over", "resolve"],
    "Representative refers": ["acknowledge", "take_over", "resolve"],
    "Answered in time": [],
}


@pytest.fixture
async def scenario(
    browser_stage: BrowserStage, free_representatives: None
) -> AsyncIterator[Scenario]:
    """Sara and Marco in front of Now, each in a browser of their own."""
    stage = browser_stage
    async with AsyncExitStack() as stack:
        users: dict[str, KeyboardUser] = {}
        for person in ("sara", "marco"):
            users[person] = await stack.enter_async_context(
                open_keyboard_user(stage.browser, stage.url, person)
            )
        yield Scenario(stage.system, stage.actors, stage.event_log, lambda *_: None, users)
        for person, user in users.items():
            await take_picture(user.page, f"story-{person}")


async def test_people_see_and_do_all_stories_with_the_keyboard_only(scenario: Scenario) -> None:
    """One after the other on pages that stay open: the focus is where the story before left it."""
    for name, story in STORIES.items():
        scenario.observations.clear()
        await story(scenario)
        assert [each.pressed for each in scenario.observations] == PRESSED[name], name
