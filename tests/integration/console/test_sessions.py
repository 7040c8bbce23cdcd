"""Sessions: who is signed in, in which browser, until when; and the sign-in for development."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts.event import PersonId
from console.auth.dev_login import make_link
from console.domain.session import MAX_IDLE, MAX_LIFE
from integration.console.harness import SAME_ORIGIN, URL, ConsoleHarness, open_console
from support.databases import Postgres, rows


async def make_sign_in_link(console: ConsoleHarness, person: str = "sara") -> str:
    link = await make_link(console.database, URL, PersonId(person), "supervisor")
    return link.removeprefix(URL)


async def test_person_who_enters_sees_a_page_with_their_name(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    page = await browser.get("/sessions")
    assert page.status_code == 200
    assert "Sara" in page.text


async def test_page_without_a_session_leads_to_the_sign_in_and_back(
    console: ConsoleHarness,
) -> None:
    browser = await console.browser()
    answer = await browser.get("/sessions?a=1&b=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fsessions%3Fa%3D1%26b%3D2"
    page = await browser.get(answer.headers["location"])
    assert "Enter as Sara (supervisor)" in page.text
    assert 'value="/sessions?a=1&amp;b=2"' in page.text
    entered = await browser.post(
        "/enter", data={"person": "sara", "next": "/sessions?a=1&b=2"}, headers=SAME_ORIGIN
    )
    assert entered.headers["location"] == "/sessions?a=1&b=2"


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:alert(1)"]
)
async def test_sign_in_leads_to_no_other_site(console: ConsoleHarness, path: str) -> None:
    browser = await console.browser()
    answer = await browser.post(
        "/enter", data={"person": "sara", "next": path}, headers=SAME_ORIGIN
    )
    assert answer.headers["location"] == "/"


async def test_cookie_is_kept_from_scripts_and_other_sites(console: ConsoleHarness) -> None:
    browser = await console.browser()
    answer = await browser.post("/enter", data={"person": "sara"}, headers=SAME_ORIGIN)
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == "upstairs"
    parts = {part.strip() for part in attributes.split(";")[1:]}
    assert parts == {"HttpOnly", "Path=/", "SameSite=lax"}


async def test_token_of_the_cookie_is_stored_nowhere(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    token = browser.cookies["upstairs"]
    (row,) = await rows(console.database, "SELECT CAST(s AS text) AS text FROM sessions s")
    assert token not in row.text


async def test_link_signs_in_once(console: ConsoleHarness) -> None:
    link = await make_sign_in_link(console)
    first, second = await console.browser(), await console.browser()
    assert (await first.get(link)).status_code == 303
    assert (await first.get("/sessions")).status_code == 200
    refused = await second.get(link)
    assert refused.status_code == 403
    assert "no longer works" in refused.text


async def test_link_is_too_old_after_ten_minutes(console: ConsoleHarness) -> None:
    link = await make_sign_in_link(console)
    console.wait(timedelta(minutes=10))
    assert (await (await console.browser()).get(link)).status_code == 403


async def test_person_whom_router_does_not_know_is_told_whom_to_ask(
    console: ConsoleHarness,
) -> None:
    console.app.state.help_contact = "it@example.com"
    browser = await console.browser()
    page = await browser.post("/enter", data={"person": "stranger"}, headers=SAME_ORIGIN)
    assert page.status_code == 403
    assert "Upstairs does not know you" in page.text
    assert "it@example.com" in page.text
    assert not browser.cookies


async def test_person_who_is_not_offered_does_not_enter(console: ConsoleHarness) -> None:
    browser = await console.browser()
    page = await browser.post("/enter", data={"person": "dora"}, headers=SAME_ORIGIN)
    assert page.status_code == 404


async def test_sign_out_ends_the_session_for_every_copy_of_the_cookie(
    console: ConsoleHarness,
) -> None:
    browser = await console.enter("sara")
    thief = await console.browser(Cookie=f"upstairs={browser.cookies['upstairs']}")
    assert (await thief.get("/sessions")).status_code == 200
    page = await browser.post("/sign-out", headers=SAME_ORIGIN)
    assert "signed out" in page.text
    assert not browser.cookies
    assert (await thief.get("/sessions")).status_code == 303


async def test_new_sign_in_ends_the_session_that_the_browser_had(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    old = await console.browser(Cookie=f"upstairs={browser.cookies['upstairs']}")
    await browser.post("/enter", data={"person": "mia"}, headers=SAME_ORIGIN)
    assert "Mia" in (await browser.get("/sessions")).text
    assert (await old.get("/sessions")).status_code == 303


async def test_session_ends_after_a_shift_however_busy(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    for _ in range(int(MAX_LIFE / timedelta(minutes=50))):
        console.wait(timedelta(minutes=50))
        assert (await browser.get("/sessions")).status_code == 200
    console.wait(timedelta(minutes=50))
    assert (await browser.get("/sessions")).status_code == 303


async def test_end_of_a_session_is_announced_ten_minutes_before(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    for _ in range(11):
        console.wait(timedelta(minutes=59))
        await browser.get("/sessions")
    console.wait(timedelta(minutes=60) - timedelta(seconds=1))
    assert "Your session ends at" not in (await browser.get("/sessions")).text
    console.wait(timedelta(minutes=2))
    assert "Your session ends at" in (await browser.get("/sessions")).text


async def test_idle_session_ends_and_one_with_an_open_page_does_not(
    console: ConsoleHarness,
) -> None:
    idle, open_page = await console.enter("sara"), await console.enter("mia")
    (session,) = await console.app.state.sessions.list_of("mia")
    for _ in range(4):
        console.wait(MAX_IDLE / 4)
        assert await console.app.state.sessions.keep_alive(session.session_id)
    assert (await idle.get("/sessions")).status_code == 303
    assert (await open_page.get("/sessions")).status_code == 200


async def test_form_of_an_ended_session_does_nothing_and_says_so(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    console.wait(MAX_IDLE)
    page = await browser.post("/sign-out", headers=SAME_ORIGIN)
    assert page.status_code == 401
    assert "Nothing was sent" in page.text
    assert 'href="/sign-in?next=%2F"' in page.text


async def test_script_of_an_ended_session_is_led_to_the_sign_in(console: ConsoleHarness) -> None:
    browser = await console.browser()
    part = await browser.get("/sessions", headers={"Sec-Fetch-Dest": "empty"})
    assert part.status_code == 401
    assert 'href="/sign-in?next=%2Fsessions"' in part.text
    assert "<html" not in part.text


async def test_person_sees_and_ends_own_sessions_only(console: ConsoleHarness) -> None:
    here = await console.enter("sara", **{"User-Agent": "Firefox"})
    there = await console.enter("sara", **{"User-Agent": "<b>Phone</b>"})
    other = await console.enter("mia")
    page = await here.get("/sessions")
    assert "Firefox" in page.text
    assert "&lt;b&gt;Phone" in page.text
    sessions = {each.browser: each for each in await console.app.state.sessions.list_of("sara")}
    (foreign,) = await console.app.state.sessions.list_of("mia")
    for session in (sessions["<b>Phone</b>"], foreign):
        answer = await here.post(f"/sessions/{session.session_id}/end", headers=SAME_ORIGIN)
        assert answer.status_code == 303
    assert (await there.get("/sessions")).status_code == 303
    assert (await other.get("/sessions")).status_code == 200
    assert (await here.get("/sessions")).status_code == 200


async def test_all_sessions_of_a_person_can_be_revoked(console: ConsoleHarness) -> None:
    first, second, other = [await console.enter(name) for name in ("sara", "sara", "mia")]
    assert await console.app.state.sessions.end_all_of("sara") == 2
    assert (await first.get("/sessions")).status_code == 303
    assert (await second.get("/sessions")).status_code == 303
    assert (await other.get("/sessions")).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "ü" * 43, "x" * 9000])
async def test_invented_cookie_signs_nobody_in(console: ConsoleHarness, token: str) -> None:
    browser = await console.browser()
    answer = await browser.get("/sessions", headers={b"Cookie": f"upstairs={token}".encode()})
    assert answer.status_code == 303


async def test_sign_in_shows_apart_for_whom_a_program_acts(
    postgres: Postgres, database_name: str
) -> None:
    changes: dict[str, Any] = {"console_dev_simulated": ["mia"]}
    async with open_console(postgres, database_name, **changes) as console:
        page = (await (await console.browser()).get("/sign-in")).text
    own, _, simulated = page.partition("These people are simulated")
    assert "Enter as Sara (supervisor)" in own
    assert "Nobody acts for these people" in own
    assert "Enter as Mia (manager)" in simulated
    assert "Sara" not in simulated
