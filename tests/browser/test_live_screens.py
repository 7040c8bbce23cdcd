"""Floor and Duty in a browser: they change while somebody looks, and say how fresh they are."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk
from browser.escalations import WAIT_MS, escalate, expect_live, row_of
from support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")
# What a person waits for, on a machine that does much else.
SOON_MS = 5000


async def set_presence(stage: BrowserStage, person: str, presence: str) -> None:
    path = f"/representatives/{person}/presence"
    await stage.actors.call("marco", "router", "PUT", path, {"presence": presence})


@pytest.fixture
async def presence_is_restored(browser_stage: BrowserStage) -> AsyncIterator[None]:
    yield
    await set_presence(browser_stage, "rita", "available")


@pytest.mark.usefixtures("presence_is_restored")
async def test_floor_changes_while_somebody_looks(browser_stage: BrowserStage, sara: Page) -> None:
    await sara.goto("/floor")
    await expect_live(sara)
    rita = sara.locator("#person-rita")
    for presence in ("available", "away", "available"):
        await set_presence(browser_stage, "rita", presence)
        await expect(rita).to_contain_text(presence, timeout=SOON_MS)
    # A second tab of the same view has all of it too.
    other = await sara.context.new_page()
    await other.goto("/floor")
    await expect_live(other)
    await set_presence(browser_stage, "rita", "away")
    for page in (sara, other):
        await expect(page.locator("#person-rita")).to_contain_text("away", timeout=SOON_MS)


@pytest.mark.usefixtures("presence_is_restored")
async def test_row_of_floor_stays_in_its_place_while_it_has_the_focus(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await set_presence(browser_stage, "rita", "available")
    await sara.goto("/floor")
    await expect_live(sara)
    rita = sara.locator("#person-rita")
    await expect(rita).to_contain_text("available")
    await rita.locator(".headline").focus()
    band = rita.locator("xpath=..").locator(".band")
    title = await band.text_content()
    await set_presence(browser_stage, "rita", "away")
    await expect(rita).to_contain_text("away", timeout=SOON_MS)
    await expect(rita.locator(".headline")).to_be_focused()
    assert await band.text_content() == title
    await sara.locator(".brand").focus()
    await expect(band).to_contain_text("Away", timeout=SOON_MS)


async def test_floor_says_that_it_is_cut_off(desk: Desk) -> None:
    page = await desk.sit_down("sara")
    await page.goto("/floor")
    await expect_live(page)
    await page.route("**/live?**", lambda route: route.abort())
    await page.route("**/floor*", lambda route: route.abort())
    other = await page.context.new_page()
    await other.route("**/live?**", lambda route: route.abort())
    await other.goto("/duty")
    await expect(page.locator("#freshness")).to_contain_text("no connection since", timeout=WAIT_MS)


async def test_duty_shows_a_new_schedule_soon(browser_stage: BrowserStage, sara: Page) -> None:
    await sara.goto("/duty")
    await expect_live(sara)
    path = "/duty-schedules/nights"
    times = {"zone": "UTC", "starts_at": "2026-01-05T00:00:00Z", "shift_s": 86400}
    rotation = {**times, "members": ["sara"]}
    await browser_stage.actors.call("ops", "escalation", "PUT", path, {"rotations": [rotation]})
    await expect(sara.locator("#schedule-nights")).to_be_visible(timeout=15_000)


async def test_wall_shows_what_is_raised_without_words(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await sara.goto("/wall")
    await expect_live(sara)
    counts = sara.locator(".bands h2 .count")
    before = sum(map(int, await counts.all_text_contents()))
    await escalate(browser_stage, "Words for the wall")
    bands = sara.locator(".bands")
    await expect(bands).to_contain_text("Shipping, chat", timeout=WAIT_MS)

    async def has_grown() -> bool:
        return sum(map(int, await counts.all_text_contents())) > before

    await until(has_grown)
    await expect(bands).not_to_contain_text("Words for the wall")
    await expect(bands).not_to_contain_text("Grace Hopper")


async def test_erased_words_leave_an_open_board(browser_stage: BrowserStage, sara: Page) -> None:
    await expect_live(sara)
    raised = await escalate(browser_stage, "Words to erase", customer_id="c-erased")
    row = row_of(sara, "Words to erase")
    await expect(row).to_be_visible(timeout=WAIT_MS)
    story = await sara.context.new_page()
    await story.goto(f"/e/{raised.escalation_id}")
    await expect(story.locator("main")).to_contain_text("Words to erase")
    # In use: the focus is in the row.
    await row.locator(".headline").focus()
    contact = await browser_stage.actors.call(
        "marco", "intake", "GET", f"/contacts/{raised.contact_id}", None
    )
    customer = contact["customer_id"]
    await browser_stage.actors.call("marco", "intake", "POST", f"/customers/{customer}/erase", None)
    await expect(row).not_to_be_attached(timeout=WAIT_MS)
    await expect(sara.locator("main")).not_to_contain_text("Words to erase")
    await expect(story.locator("main")).not_to_contain_text("Words to erase", timeout=WAIT_MS)
