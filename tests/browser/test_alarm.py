"""Alarms: a number in every title and one sound, only for what needs the viewer and is urgent."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from playwright.async_api import Page, Route, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, Theme, accessibility_problems, look_on_phone, take_picture
from browser.escalations import WAIT_MS, act_as_manager, escalate
from common.contracts.escalations import EscalationRaised
from stage.sample_settings import POLICIES
from support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")
COUNT_SOUNDS = """
if (window.sounds === undefined) {
  window.sounds = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.sounds += 1;
    return start.apply(this, when);
  };
}
"""
# As if the last sound was more than a minute ago.
FORGET_LAST_SOUND = """
const kept = JSON.parse(localStorage.getItem("upstairs-alarm"));
localStorage.setItem("upstairs-alarm", JSON.stringify({ ...kept, at: 0 }));
"""
HAS_SOUNDER = """
navigator.locks.query().then(({ held }) => held.some(({ name }) => name === "upstairs-sounder"))
"""
COLLECT_SENTENCES = """
window.sentences = [];
addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("announcements");
  new MutationObserver(() => window.sentences.push([performance.now(), place.textContent]))
    .observe(place, { childList: true });
});
"""
MAX_ATTEMPTS = 4
# Escalations of other topics become urgent only once a promise is broken.
TOPIC = "alarms"
POLICY = {**POLICIES["standard"], "match": {"topic": [TOPIC]}, "severity": "high"}


@pytest.fixture(scope="module", autouse=True)
async def urgent_policy(browser_stage: BrowserStage) -> None:
    path = "/sla-policies/urgent"
    await browser_stage.actors.call("ops", "escalation", "PUT", path, POLICY)


async def escalate_urgently(
    stage: BrowserStage, subject: str, *, customer_id: str
) -> EscalationRaised:
    raised = await escalate(stage, subject, customer_id=customer_id, topic=TOPIC)
    assert raised.severity == "high"
    return raised


async def listen(page: Page) -> int:
    """Let the page sound, and count the sounds; return how often it did for what came before."""
    await page.add_init_script(COUNT_SOUNDS)
    await page.reload()
    await page.locator("h1, main").first.click(position={"x": 2, "y": 2})
    await expect(page.locator("#sound")).to_have_attribute("data-state", "on", timeout=WAIT_MS)
    await until(lambda: page.evaluate('localStorage.getItem("upstairs-alarm")'))
    return await sounds(page)


async def sounds(page: Page) -> int:
    count: int = await page.evaluate("window.sounds")
    return count


async def sentences(page: Page) -> list[tuple[float, str]]:
    """Return the announcements of the page, with the milliseconds after which they were made."""
    return [(at, text) for at, text in await page.evaluate("window.sentences")]


def numbers(said: Sequence[tuple[float, str]]) -> list[int]:
    """Return of how many rows each announcement tells."""
    return [int(text.removeprefix("New rows that need you: ")) for _, text in said]


async def wait_for_sounds(page: Page, count: int) -> None:
    await until(lambda: sounds(page), lambda heard: heard == count)


async def urgent_ids(page: Page) -> set[str]:
    answer = await page.evaluate("fetch('/alarms').then(answer => answer.json())")
    return {*answer["urgent"]}


async def expect_counted(page: Page, raised: EscalationRaised, *, is_counted: bool = True) -> None:
    """Wait until the title has the number of what is urgent, with this escalation or without it."""

    async def is_as_expected() -> bool:
        title, ids = await page.title(), await urgent_ids(page)
        has_number = title.startswith(f"({len(ids)}) ") if ids else not title.startswith("(")
        return has_number and (raised.escalation_id in ids) == is_counted

    await until(is_as_expected)


async def test_urgent_escalation_sounds_once_and_counts_in_the_title(
    browser_stage: BrowserStage, sara: Page
) -> None:
    heard = await listen(sara)
    await sara.evaluate(FORGET_LAST_SOUND)
    first = await escalate_urgently(browser_stage, "Alarm sounds", customer_id="c-alarm")
    await expect_counted(sara, first)
    await wait_for_sounds(sara, heard + 1)
    # What follows within a minute is bundled with the next sound.
    second = await escalate_urgently(browser_stage, "Alarm is bundled", customer_id="c-alarm-2")
    await expect_counted(sara, second)
    assert await sounds(sara) == heard + 1
    # What somebody else has needs her no longer.
    for raised in (first, second):
        await act_as_manager(browser_stage, raised.escalation_id, "acknowledge")
        await expect_counted(sara, raised, is_counted=False)


async def test_next_page_does_not_sound_again(browser_stage: BrowserStage, sara: Page) -> None:
    heard = await listen(sara)
    await sara.evaluate(FORGET_LAST_SOUND)
    raised = await escalate_urgently(browser_stage, "Alarm once", customer_id="c-alarm-3")
    await expect_counted(sara, raised)
    await wait_for_sounds(sara, heard + 1)
    may_read = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await may_read.wait()
        await route.continue_()

    await sara.route("**/alarms", answer_late)
    for _ in range(MAX_ATTEMPTS):
        await sara.evaluate(FORGET_LAST_SOUND)
        rung = await sara.evaluate('JSON.parse(localStorage.getItem("upstairs-alarm")).known')
        may_read.clear()
        await sara.goto("/duty")
        # The page may sound before it has read what is urgent.
        await listen(sara)
        await until(lambda: sara.evaluate(HAS_SOUNDER))
        may_read.set()
        await expect_counted(sara, raised)
        heard = await sounds(sara)
        if await urgent_ids(sara) <= {*rung}:
            assert heard == 0
            return
        # An escalation of another test has become urgent meanwhile: that may sound.
    pytest.fail("Something else became urgent each time")


async def test_only_one_tab_sounds(browser_stage: BrowserStage, sara: Page) -> None:
    heard = await listen(sara)
    other = await sara.context.new_page()
    await other.goto("/floor")
    await listen(other)
    await sara.evaluate(FORGET_LAST_SOUND)
    raised = await escalate_urgently(browser_stage, "Alarm in one tab", customer_id="c-alarm-4")
    await expect_counted(other, raised)
    await expect_counted(sara, raised)
    await wait_for_sounds(sara, heard + 1)
    assert await sounds(other) == 0
    # The tab that sounded may be closed: another one sounds.
    await sara.close()
    await other.evaluate(FORGET_LAST_SOUND)
    await escalate_urgently(browser_stage, "Alarm in the other tab", customer_id="c-alarm-5")
    await wait_for_sounds(other, 1)


async def test_muted_alarm_is_silent_in_all_tabs_and_stays_so(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await listen(sara)
    other = await sara.context.new_page()
    await other.goto("/mine")
    button = sara.get_by_role("button", name="Sound on")
    async with sara.expect_response("**/preferences"):
        await button.press("Enter")
    await expect(sara.get_by_role("button", name="Sound off")).to_be_visible()
    await expect(other.get_by_role("button", name="Sound off")).to_be_visible(timeout=WAIT_MS)
    await sara.evaluate(FORGET_LAST_SOUND)
    raised = await escalate_urgently(browser_stage, "Alarm is muted", customer_id="c-alarm-6")
    await expect_counted(sara, raised)
    await sara.reload()
    await expect(sara.get_by_role("button", name="Sound off")).to_be_visible(timeout=WAIT_MS)
    await expect_counted(sara, raised)
    assert await sounds(sara) == 0
    async with sara.expect_response("**/preferences"):
        await sara.get_by_role("button", name="Sound off").press("Enter")
    await expect(sara.get_by_role("button", name="Sound on")).to_be_visible()


async def test_page_says_that_the_browser_forbids_sound_until_a_press(sara: Page) -> None:
    await sara.add_init_script(COUNT_SOUNDS)
    # Opened by no press, so that the browser lets nothing sound.
    fresh = await sara.context.new_page()
    await sara.close()
    await fresh.add_init_script(COUNT_SOUNDS)
    await fresh.goto("/now")
    button = fresh.get_by_role("button", name="No sound yet: allow it")
    await expect(button).to_be_visible(timeout=WAIT_MS)
    await button.press("Enter")
    await expect(fresh.get_by_role("button", name="Sound on")).to_be_visible(timeout=WAIT_MS)
    await wait_for_sounds(fresh, 1)


async def test_announcement_tells_of_several_in_one_sentence(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await sara.add_init_script(COLLECT_SENTENCES)
    await sara.goto("/duty")
    raised = await asyncio.gather(
        *(
            escalate_urgently(
                browser_stage, f"Sentence {number}", customer_id=f"c-sentence-{number}"
            )
            for number in range(3)
        )
    )
    ids = {each.escalation_id for each in raised}

    async def are_all_announced() -> bool:
        urgent = await urgent_ids(sara)
        return ids <= urgent and sum(numbers(await sentences(sara))) >= len(urgent)

    await until(are_all_announced)
    said = await sentences(sara)
    assert max(numbers(said)) > 1
    assert all(later - earlier >= 9_900 for (earlier, _), (later, _) in pairwise(said))


async def test_representative_has_no_alarm(desk: Desk) -> None:
    rita = await desk.sit_down("rita")
    await expect(rita.locator("#sound")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_button_of_the_sound_is_accessible_in_both_themes(sara: Page, theme: Theme) -> None:
    await sara.emulate_media(color_scheme=theme)
    await expect(sara.locator("#sound")).to_be_visible(timeout=WAIT_MS)
    assert await accessibility_problems(sara) == []
    await take_picture(sara, f"alarm-{theme}")
    await look_on_phone(sara, f"alarm-{theme}")
