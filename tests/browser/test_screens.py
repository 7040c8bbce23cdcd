"""Every screen with the data of a busy centre: accessible, in both themes, also on a phone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import pytest

from browser.conftest import BrowserStage
from browser.desk import Desk, look_at_width, look_in_both_themes, look_on_phone, take_picture
from browser.escalations import act_as_manager, escalate
from common.contracts.escalations import EscalationTakenOver
from common.contracts.event import EscalationId
from stage.centre import Pace, simulated_centre
from stage.event_log import EventLog

pytestmark = pytest.mark.xdist_group("browser")
# What a page has of a screen of 1,280 pixels at a zoom of 200 %.
ZOOMED_WIDTH = 640


@dataclass(frozen=True)
class Screen:
    name: str
    person: str
    address: str


SCREENS = (
    Screen("now", "sara", "/now"),
    Screen("escalation", "sara", "/e/{escalation_id}"),
    Screen("note", "sara", "/e/{escalation_id}/note"),
    Screen("resolve", "sara", "/e/{escalation_id}/resolve"),
    Screen("floor", "sara", "/floor"),
    Screen("floor-person", "sara", "/floor/ines"),
    Screen("adjustment", "sara", "/floor/ines/adjustment"),
    Screen("mine", "sara", "/mine"),
    Screen("mine-manager", "marco", "/mine"),
    Screen("my-contacts", "rita", "/mine"),
    Screen("duty", "sara", "/duty"),
    Screen("duty-swap", "sara", "/duty/floor/swap"),
    Screen("wall", "sara", "/wall"),
    Screen("my-notifications", "sara", "/notifications"),
    Screen("my-absences", "sara", "/notifications/absences"),
    Screen("my-address", "sara", "/notifications/addresses/slack"),
    Screen("sessions", "sara", "/sessions"),
    Screen("sign-in", "sara", "/sign-in"),
)


def first_take_over(log: EventLog, begin: int) -> EscalationTakenOver | None:
    """Return the first take-over among the events after `begin`."""
    events = (entry.event for entry in log.entries[begin:])
    return next((event for event in events if isinstance(event, EscalationTakenOver)), None)


@pytest.fixture(scope="module")
async def busy_stage(browser_stage: BrowserStage) -> BrowserStage:
    """The system after a while of a centre, which stands still: a browser needs the processor."""
    pace, log = Pace(contacts_per_minute=8, seed=3, speed=20), browser_stage.event_log
    reports, begin = list[str](), len(log.entries)
    async with simulated_centre(browser_stage.actors, pace, reports.append):
        # Others are paged and waited for by then.
        await log.wait_until(partial(first_take_over, log, begin), "EscalationTakenOver")
    return browser_stage


@pytest.fixture
async def busy_desk(busy_stage: BrowserStage) -> AsyncIterator[Desk]:
    async with Desk(busy_stage.browser, busy_stage.url) as desk:
        yield desk
    assert not desk.errors


@pytest.fixture(scope="module")
async def escalation_id(busy_stage: BrowserStage) -> EscalationId:
    """An escalation with a story, which nobody ends: the centre stands still."""
    raised = await escalate(busy_stage, "Where is my parcel?")
    for action in ("acknowledge", "take-over"):
        await act_as_manager(busy_stage, raised.escalation_id, action)
    return raised.escalation_id


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
async def test_screen_is_accessible_and_fits_a_phone(
    busy_desk: Desk, escalation_id: EscalationId, screen: Screen
) -> None:
    page = await busy_desk.sit_down(screen.person)
    answer = await page.goto(screen.address.format(escalation_id=escalation_id))
    assert answer is not None
    assert answer.status == 200
    await look_in_both_themes(page, screen.name)
    await look_at_width(page, ZOOMED_WIDTH, f"{screen.name}-zoomed")
    await look_on_phone(page, screen.name)


# Where words are long: German takes more room than English.
GERMAN_SCREENS = (
    Screen("now", "sara", "/now"),
    Screen("escalation", "sara", "/e/{escalation_id}"),
    Screen("mine", "sara", "/mine"),
    Screen("floor", "sara", "/floor"),
    Screen("floor-person", "sara", "/floor/ines"),
    Screen("adjustment", "sara", "/floor/ines/adjustment"),
    Screen("settings", "marco", "/settings"),
    Screen("duty", "sara", "/duty"),
    Screen("devices", "sara", "/devices"),
    Screen("my-notifications", "sara", "/notifications"),
    Screen("my-absences", "sara", "/notifications/absences"),
    Screen("my-address", "sara", "/notifications/addresses/slack"),
    Screen("policy", "marco", "/settings/policies/centre"),
    Screen("versions", "marco", "/settings/policies/centre/versions"),
    Screen("sign-in", "sara", "/sign-in"),
)


@pytest.mark.parametrize("screen", GERMAN_SCREENS, ids=lambda screen: screen.name)
async def test_screen_in_german_fits_a_phone(
    busy_desk: Desk, escalation_id: EscalationId, screen: Screen
) -> None:
    page = await busy_desk.sit_down(screen.person, language="de")
    answer = await page.goto(screen.address.format(escalation_id=escalation_id))
    assert answer is not None
    assert answer.status == 200
    assert await page.get_attribute("html", "lang") == "de"
    await take_picture(page, f"{screen.name}-german")
    await look_on_phone(page, f"{screen.name}-german")
