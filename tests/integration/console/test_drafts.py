"""What a person wrote in the form of an action and did not send, or sent in vain."""

from datetime import timedelta

from integration.console.harness import SAME_ORIGIN
from integration.console.screens_harness import Browser, Screens, browser_of
from support.databases import rows

WORDS = "Called <her>, no answer."


async def form_of(browser: Browser, action: str = "note") -> str:
    page = await browser.client.get(f"{browser.place}/{action}")
    assert page.status_code == 200, page.text
    return page.text


async def test_draft_survives_the_end_of_a_session(screens: Screens) -> None:
    browser = await browser_of(screens)
    kept = await browser.send("note/draft", {"text": WORDS, "version": '"1"', "other": "x"})
    assert kept.status_code == 204
    await browser.client.post("/sign-out", headers=SAME_ORIGIN)
    again = Browser(await screens.console.enter("sara"), browser.place[3:])
    form = await form_of(again)
    assert "Called &lt;her&gt;, no answer.</textarea>" in form
    assert "and did not send it." in form


async def test_form_on_an_old_version_is_kept(screens: Screens) -> None:
    browser = await browser_of(screens)
    fields = {**await browser.open_form("refer-up"), "reason": WORDS}
    faster = Browser(await screens.console.enter("mia"), browser.place[3:])
    screens.admit("mia")
    await faster.send("acknowledge")
    assert (await browser.send("refer-up", fields)).status_code == 412
    assert "Called &lt;her&gt;, no answer." in await form_of(browser, "refer-up")


async def test_draft_is_gone_once_the_form_is_sent(screens: Screens) -> None:
    browser = await browser_of(screens)
    await browser.send("note/draft", {"text": WORDS})
    fields = {**await browser.open_form("note"), "text": "Called her."}
    assert (await browser.send("note", fields)).status_code == 303
    assert "did not send it" not in await form_of(browser)


async def test_draft_is_discarded_on_demand_and_when_it_is_emptied(screens: Screens) -> None:
    browser = await browser_of(screens)
    for path, fields in (("note/discard-draft", None), ("note/draft", {"text": " "})):
        await browser.send("note/draft", {"text": WORDS})
        assert (await browser.send(path, fields)).status_code in (204, 303)
        assert "Called" not in await form_of(browser)
    assert await rows(screens.console.database, "SELECT saved_at FROM drafts") == []


async def test_draft_is_its_authors_and_of_one_form(screens: Screens) -> None:
    browser = await browser_of(screens)
    await browser.send("note/draft", {"text": WORDS})
    screens.admit("mia")
    other = Browser(await screens.console.enter("mia"), browser.place[3:])
    assert "Called" not in await form_of(other)
    assert "Called" not in await form_of(browser, "refer-up")
    elsewhere = await browser_of(screens)
    assert "Called" not in await form_of(elsewhere)


async def test_draft_of_an_action_that_does_not_exist_is_refused(screens: Screens) -> None:
    browser = await browser_of(screens)
    assert (await browser.send("explode/draft", {"text": WORDS})).status_code == 404


async def test_draft_says_when_it_was_written(screens: Screens) -> None:
    browser = await browser_of(screens)
    await browser.send("note/draft", {"text": WORDS})
    screens.console.wait(timedelta(minutes=3))
    assert "You wrote this at" in await form_of(browser)
