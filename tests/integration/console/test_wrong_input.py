"""Rubbish from strangers and from people who have signed in: each gets a readable answer."""

import asyncio

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN, ConsoleHarness
from integration.console.screens_harness import Browser, Screens

# The half of a character in UTF-16, which no JSON and no database takes, in two encodings.
_HALVES = {"raw_unicode_escape": "\\ud800", "utf-7": "+2AA-"}


@pytest.fixture
async def sara(console: ConsoleHarness, screens: Screens) -> Browser:
    """Sara's browser on an escalation that waits for her."""
    return Browser(await console.enter("sara"), await hold(screens))


async def hold(screens: Screens) -> str:
    escalation_id = await screens.escalate()
    browser = Browser(await screens.console.enter("sara"), escalation_id)
    assert (await browser.send("acknowledge")).status_code == 303
    return escalation_id


def is_readable(page: httpx.Response) -> bool:
    return page.headers["content-type"].startswith("text/html") and "<h1" in page.text


@pytest.mark.parametrize("host", ["[", "[::1", "127.0.0.1:x", "a]b", "", "127.0.0.1@evil.example"])
async def test_host_that_is_no_name_has_a_readable_answer(
    console: ConsoleHarness, host: str
) -> None:
    page = await (await console.browser()).get("/sign-in", headers={"Host": host})
    assert page.status_code in (200, 400, 421)
    assert is_readable(page)


@pytest.mark.parametrize("address", ["http://[", "http://[::1/now", "//", "javascript:alert(1)"])
async def test_page_before_that_is_no_address_leads_to_the_first_page(
    console: ConsoleHarness, address: str
) -> None:
    answer = await (await console.browser()).post(
        "/preferences", data={"theme": "dark"}, headers={**SAME_ORIGIN, "Referer": address}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("until", ["9" * 5000, "٣٠", "-30", "1e3", "answer", "\x00"])
async def test_snooze_of_a_wrong_length_is_said_beside_the_field(sara: Browser, until: str) -> None:
    form = await sara.open_form("snooze")
    page = await sara.send("snooze", {**form, "until": until, "reason": "later"})
    assert page.status_code == 422
    assert "Please choose one from the list." in page.text


@pytest.mark.parametrize("name", ["reason", "until", "version", "submission"])
@pytest.mark.parametrize("charset", _HALVES)
async def test_text_that_is_no_unicode_is_refused(sara: Browser, name: str, charset: str) -> None:
    form = {"until": "30", "reason": "later", **await sara.open_form("snooze")}
    form[name] = _HALVES[charset]
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{text}\r\n'
        for field, text in form.items()
    )
    kind = f"multipart/form-data; boundary=b; charset={charset}"
    page = await sara.client.post(
        f"{sara.place}/snooze",
        content=f"{parts}--b--\r\n",
        headers={**SAME_ORIGIN, "Content-Type": kind},
    )
    assert page.status_code in (400, 422)
    assert is_readable(page)


@pytest.mark.parametrize("version", ["", "é", '"1"\r\nX-Role: manager', "1", "*", "x" * 9000])
async def test_form_with_a_wrong_version_changes_nothing_and_may_be_sent_again(
    sara: Browser, version: str
) -> None:
    form = await sara.open_form("hand-back")
    fields = {**form, "guidance": "Say sorry."}
    page = await sara.send("hand-back", {**fields, "version": version})
    assert page.status_code in (412, 422)
    assert is_readable(page)
    assert (await sara.send("hand-back", fields)).status_code == 303
    assert "handed back" in await sara.read()


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", ""])
async def test_form_of_a_wrong_type_changes_nothing(sara: Browser, kind: str) -> None:
    page = await sara.client.post(
        f"{sara.place}/note",
        content=b'{"text": "x"}',
        headers={**SAME_ORIGIN, "Content-Type": kind},
    )
    assert page.status_code in (400, 422)
    assert is_readable(page)


async def test_form_that_is_sent_twice_at_once_acts_once(sara: Browser) -> None:
    form = {**await sara.open_form("note"), "text": "Called her."}
    answers = await asyncio.gather(*(sara.send("note", form) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 303}
    assert (await sara.read()).count("Called her.") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/e/{id}%2f..%2f..%2fadmin/note",
        "/e/{id}%0a/note",
        "/e/{id}/note%2f..%2fresolve",
        "/e/../e/{id}/note/../../x",
        "/e/{id}/__class__",
        "/e/{id}%3fx=1/note",
        "/duty/..%2f..%2fladders/override",
        "/duty/a%3fb/override",
        "/floor/..%2f..%2fpeople/presence",
        "/floor/sara%23/presence",
        "/mine/..%2f..%2fx/accept",
    ],
)
async def test_path_leads_to_no_other_route_of_a_service(sara: Browser, path: str) -> None:
    place = path.format(id=sara.place.rpartition("/")[2])
    page = await sara.client.post(place, headers=SAME_ORIGIN)
    assert page.status_code in (400, 403, 404, 405, 422)
    assert is_readable(page)
