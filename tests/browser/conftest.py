"""A browser in front of the running system; without one these tests are skipped, and say so.

`UPSTAIRS_BROWSER` is the path of a Chrome or Chromium; without it those are looked for that
distributions install. With `UPSTAIRS_BROWSER_REQUIRED`, as in CI, a missing one is a failure.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

import devstack
from browser.desk import Desk
from common.contracts.assignments import AssignmentCompleted
from common.contracts.event import ContactId
from stage.actors import Actors, running_system
from stage.browsers import MISSING, find_browser, open_browser
from stage.centre import CENTRE_ROLES
from stage.console import WebConsole, wait_until_admitted
from stage.event_log import EventLog, open_event_log
from stage.sample_settings import ROLES
from stage.system import System


@dataclass(frozen=True)
class BrowserStage:
    """The whole system, and a browser that can open its console."""

    system: System
    actors: Actors
    event_log: EventLog
    url: str
    browser: Browser


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = find_browser()
    if path is None:
        if os.environ.get("UPSTAIRS_BROWSER_REQUIRED"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    async with open_browser(path) as browser:
        yield browser


@pytest.fixture(scope="session")
async def browser_stage(
    browser: Browser, stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BrowserStage]:
    console = WebConsole()
    logs: Path = tmp_path_factory.mktemp("logs")
    roles = {**ROLES, **CENTRE_ROLES}
    async with (
        running_system(stack, logs, roles=roles, console=console) as (system, actors),
        open_event_log(system) as event_log,
    ):
        await wait_until_admitted(console.url, ("sara", "marco", "rita"))
        yield BrowserStage(system, actors, event_log, console.url, browser)


@pytest.fixture
async def free_representatives(browser_stage: BrowserStage) -> None:
    """Everybody is available and has no contact: tests before leave some away, or full.

    So does the simulated centre, which gives its contacts to Rita, too.
    """
    actors = browser_stage.actors
    await actors.put_people()
    path = "/assignments?state=queued&state=offered&state=assigned&limit=200"
    while contacts := (await actors.call("ops", "router", "GET", path))["items"]:
        for contact in contacts:
            contact_id = ContactId(contact["contact_id"])
            await actors.call("ops", "intake", "POST", f"/contacts/{contact_id}/resolve", {})
            await browser_stage.event_log.wait_for(AssignmentCompleted, contact_id)


@pytest.fixture
async def desk(browser_stage: BrowserStage) -> AsyncIterator[Desk]:
    """Browsers of people who have signed in; each error on a page fails the test."""
    async with Desk(browser_stage.browser, browser_stage.url) as desk:
        yield desk
    assert not desk.errors


@pytest.fixture
async def sara(desk: Desk) -> Page:
    return await desk.sit_down("sara")
