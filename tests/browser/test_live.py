"""The live board: one connection for all tabs, focus that stays, wrong clocks, conflicts."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from playwright.async_api import Page, Request, Route, expect

from browser.conftest import BrowserStage
from browser.desk import Desk
from browser.escalations import WAIT_MS, act_as_manager, escalate, expect_live, row_of
from common.contracts.event import EscalationId
from support.waiting import until

pytestmark = pytest.mark.xdist_group("browser")
TABS = 7
FIVE_MINUTES_MS = 300_000
SKEWED_CLOCK = "const real = Date.now; Date.now = () => real() + {skew_ms};"


async def expect_row(tabs: Sequence[Page], subject: str) -> None:
    for tab in tabs:
        await expect(row_of(tab, subject)).to_be_visible(timeout=WAIT_MS)


def watch_streams(page: Page, open_streams: set[Request]) -> None:
    def opened(request: Request) -> None:
        if "/live?" in request.url:
            open_streams.add(request)

    def ended(request: Request) -> None:
        open_streams.discard(request)

    page.on("request", opened)
    page.on("requestfailed", ended)
    page.on("requestfinished", ended)


async def test_seven_tabs_share_one_connection(browser_stage: BrowserStage, sara: Page) -> None:
    open_streams: set[Request] = set()
    watch_streams(sara, open_streams)
    await sara.reload()
    tabs = [sara]
    for number in range(1, TABS):
        tab = await sara.context.new_page()
        watch_streams(tab, open_streams)
        await tab.goto("/now?sort=newest" if number % 2 else "/now")
        tabs.append(tab)
        await expect_live(tab)
    await escalate(browser_stage, "Seven tabs")
    await expect_row(tabs, "Seven tabs")
    assert len(open_streams) == 1
    # The tab that reads may be closed: another one reads on.
    await tabs.pop(0).close()
    await escalate(browser_stage, "Six tabs")
    await expect_row(tabs, "Six tabs")


async def test_focus_stays_where_it_is_while_the_row_changes(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    escalation_id = (await escalate(browser_stage, "Focus stays")).escalation_id
    row = row_of(sara, "Focus stays")
    await row.locator(".headline").focus(timeout=WAIT_MS)
    await act_as_manager(browser_stage, escalation_id, "acknowledge")
    await expect(row).to_contain_text("Marco Mendes (manager) has it", timeout=WAIT_MS)
    await expect(row.locator(".headline")).to_be_focused()
    # It waits for its place among the rows of others until it is asked to move.
    assert await row.locator("xpath=..").get_attribute("data-band") == "needs_you"
    await sara.keyboard.press(".")
    assert await row.locator("xpath=..").get_attribute("data-band") != "needs_you"
    await expect(row.locator(".headline")).to_be_focused()


def without_row(page: str, escalation_id: EscalationId) -> str:
    row = rf'<tr class="row"[^>]*id="row-{escalation_id}".*?</tr>'
    return re.sub(row, "", page, flags=re.DOTALL)


async def test_row_beyond_the_first_page_of_the_list_stays_when_it_is_read_again(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    goes = (await escalate(browser_stage, "Is no longer listed")).escalation_id
    stays = (await escalate(browser_stage, "On the second page")).escalation_id
    await expect_row([sara], "Is no longer listed")
    await expect_row([sara], "On the second page")

    async def answer_with_part(route: Route) -> None:
        """Divide the list into two pages, as that of more than 200 escalations is."""
        answer = await route.fetch()
        page = without_row(await answer.text(), goes)
        if "cursor" not in route.request.url:
            more = '<a href="/now?cursor=second" data-more></a></main>'
            page = without_row(page, stays).replace("</main>", more)
        await route.fulfill(response=answer, body=page)

    await sara.route("**/now*", answer_with_part)
    await sara.mouse.move(0, 0)
    await sara.evaluate("document.querySelector('upstairs-board').reload(true)")
    await expect(row_of(sara, "Is no longer listed")).not_to_be_attached(timeout=WAIT_MS)
    await expect(row_of(sara, "On the second page")).to_be_visible()


async def test_new_row_is_counted_and_offered_while_the_focus_is_in_another(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    await escalate(browser_stage, "Focus holds")
    await row_of(sara, "Focus holds").locator(".headline").focus(timeout=WAIT_MS)
    counter = sara.locator("[data-counter=needs_you] .count")
    before = int(await counter.inner_text())
    await escalate(browser_stage, "Held back")
    await expect(sara.locator("#held")).to_contain_text("(.)", timeout=WAIT_MS)
    await expect(row_of(sara, "Held back")).not_to_be_attached()
    await expect(counter).to_have_text(str(before + 1))
    await sara.keyboard.press(".")
    await expect(row_of(sara, "Held back")).to_be_visible()


async def test_page_stays_where_it_is_scrolled_to(browser_stage: BrowserStage, sara: Page) -> None:
    """While a row above comes, and the row that is read changes."""
    await sara.set_viewport_size({"width": 1280, "height": 400})
    await expect_live(sara)
    raised = await escalate(browser_stage, "Scrolled to")
    row = row_of(sara, "Scrolled to")
    await expect(row).to_be_visible(timeout=WAIT_MS)
    await sara.goto(f"/e/{raised.escalation_id}")
    await expect_live(sara)
    await sara.mouse.wheel(0, 150)
    # wait_for_function would evaluate a text, which the page's content security policy forbids.
    await until(lambda: sara.evaluate("scrollY"), lambda top: top == 150)
    await act_as_manager(browser_stage, raised.escalation_id, "acknowledge")
    await expect(sara.locator("#story + .steps")).to_contain_text(
        "Acknowledged by Marco", timeout=WAIT_MS
    )
    assert await sara.evaluate("scrollY") == 150
    await sara.goto("/now")
    await expect_live(sara)
    await row.locator(".headline").focus(timeout=WAIT_MS)
    await row.evaluate("row => row.scrollIntoView({block: 'start'})")
    before = await row.evaluate("row => row.getBoundingClientRect().top")
    await escalate(browser_stage, "Comes above")
    await expect(sara.locator("#held")).to_contain_text("(.)", timeout=WAIT_MS)
    assert abs(await row.evaluate("row => row.getBoundingClientRect().top") - before) < 2


async def test_dialog_says_who_was_faster(browser_stage: BrowserStage, sara: Page) -> None:
    await expect_live(sara)
    escalation_id = (await escalate(browser_stage, "Who is faster")).escalation_id
    row = row_of(sara, "Who is faster")
    await row.locator(".headline").focus(timeout=WAIT_MS)
    await sara.keyboard.press("t")
    dialog = sara.locator("dialog[open]")
    await expect(dialog).to_be_visible(timeout=WAIT_MS)
    await act_as_manager(browser_stage, escalation_id, "acknowledge")
    await dialog.locator("button.primary").click()
    await expect(dialog).to_contain_text(
        "Meanwhile: Acknowledged by Marco Mendes (manager), ", timeout=WAIT_MS
    )
    await sara.keyboard.press("Escape")
    await expect(dialog).not_to_be_attached()
    await expect(row.locator("a:focus")).to_have_count(1)


@pytest.mark.parametrize("skew_ms", [FIVE_MINUTES_MS, -FIVE_MINUTES_MS])
async def test_countdown_follows_the_clock_of_the_server(
    browser_stage: BrowserStage, desk: Desk, skew_ms: int
) -> None:
    subject = f"Clock wrong by {skew_ms}"
    page = await desk.sit_down("sara")
    await page.add_init_script(SKEWED_CLOCK.format(skew_ms=skew_ms))
    await page.reload()
    await expect_live(page)
    await escalate(browser_stage, subject)
    countdown = row_of(page, subject).locator("td .countdown time")
    await expect(countdown).to_be_visible(timeout=WAIT_MS)
    until = float(await countdown.get_attribute("data-until") or 0)
    real_now = await page.evaluate("performance.timeOrigin / 1000 + performance.now() / 1000")
    shown = await countdown.text_content() or ""
    assert abs(seconds(shown) - (until - real_now)) < 3


def seconds(text: str) -> float:
    """Read `1 min 5 s` or `3 s over`."""
    words = text.split()
    units = {"h": 3600.0, "min": 60.0, "s": 1.0}
    total = sum(float(number) * units[unit] for number, unit in pairwise(words) if unit in units)
    return -total if "over" in words else total


async def test_board_says_that_it_is_cut_off_and_catches_up(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    await sara.route("**/live?**", lambda route: route.abort())
    await sara.route("**/now*", lambda route: route.abort())
    # Another view makes the tab connect again, in vain.
    other = await sara.context.new_page()
    await other.route("**/live?**", lambda route: route.abort())
    await other.goto("/now?sort=severity")
    await expect(sara.locator("#freshness")).to_contain_text("no connection since", timeout=WAIT_MS)
    await escalate(browser_stage, "While cut off")
    await other.close()
    await sara.unroute_all()
    await expect(row_of(sara, "While cut off")).to_be_visible(timeout=WAIT_MS)
    await expect_live(sara)
