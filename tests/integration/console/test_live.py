"""Live boards: who gets which rows, in whose name, until when; and what does not stop them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from common.core.ids import new_id
from console.auth.people import Identity
from console.live.boards import ERASED, RELOAD
from console.live.hub import MAX_BOARDS_OF_SESSION, LiveHub
from console.people import People
from integration.console.harness import SAME_ORIGIN, ConsoleHarness
from integration.console.live_harness import Live, next_of, next_row, read_all
from support.databases import Postgres
from support.people import described
from support.probe import run_workers
from support.waiting import until


async def test_changed_row_comes_to_who_may_see_it(live: Live) -> None:
    mia, sara = await live.open("mia", "manager"), await live.open("sara", "supervisor")
    escalation_id = await live.screens.escalate()
    live.stream.tell(escalation_id)
    assert "Billing ticket from Ada Lovelace" in (await next_row(mia))["html"]
    row = await next_row(sara)
    assert row["id"] == escalation_id
    assert ">Acknowledge</button>" in row["html"]


async def test_supervisor_whose_id_is_a_word_of_the_console_sees_own_rows_only(live: Live) -> None:
    await live.screens.service.handle_events(described("managers", team_id="elsewhere"))
    live.screens.admit("managers")
    mia, stranger = await live.open("mia", "manager"), await live.open("managers", "supervisor")
    live.stream.tell(await live.screens.escalate())
    assert (await next_row(mia))["html"]
    assert not (await next_row(stranger)).get("html")


async def test_row_that_is_no_longer_visible_leaves_without_a_read(live: Live) -> None:
    sara = await live.open("sara", "supervisor")
    escalation_id = await live.screens.escalate()
    live.stream.tell_unlisted(escalation_id)
    assert await next_row(sara) == {"id": escalation_id}
    assert live.stream.reads == 0
    # What is told later counts.
    live.stream.tell(escalation_id)
    assert (await next_row(sara))["html"]


async def test_rows_come_in_the_name_of_somebody_who_still_looks(live: Live) -> None:
    live.screens.admit("max")
    first, second = await live.open("mia", "manager"), await live.open("max", "manager")
    live.hub.close(first)
    live.screens.dismiss("mia")
    live.stream.tell(await live.screens.escalate())
    assert (await next_row(second))["html"]


async def test_open_boards_load_their_rows_again_after_an_erasure(live: Live) -> None:
    boards = [await live.open("mia", "manager"), await live.open("sara", "supervisor")]
    for board in boards:
        await read_all(board)
    for _ in range(50):
        live.stream.tell_erasure()
    for board in boards:
        received = await read_all(board)
        # Contacts that are erased together cost a board little.
        assert {*received} == {ERASED}
        assert len(received) < 10
    live.stream.tell(await live.screens.escalate())
    assert (await next_row(boards[0]))["html"], "the stream goes on"


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_row_is_read_again_if_the_service_refuses_to_tell_it(live: Live, status: int) -> None:
    mia = await live.open("mia", "manager")
    await read_all(mia)
    live.stream.refusals.append(httpx.Response(status, json={"type": "x", "detail": "not now"}))
    live.stream.tell(await live.screens.escalate())
    received = await read_all(mia, quiet_s=1.5)
    assert [message.event for message in received if message.event != "counters"] == ["row"]


async def test_boards_reload_once_for_many_rows_that_could_not_be_read(live: Live) -> None:
    mia = await live.open("mia", "manager")
    await read_all(mia)
    live.stream.refusals += [httpx.Response(503) for _ in range(90)]
    for _ in range(30):
        live.stream.tell(new_id())
    await until(lambda: not live.stream.refusals)
    # One, unless this machine takes longer for all of them than boards wait for the next.
    assert 0 < (await read_all(mia, quiet_s=1.5)).count(RELOAD) < 5
    live.stream.refusals += [httpx.Response(503) for _ in range(3)]
    live.stream.tell(new_id())
    assert await next_of(mia, "reload") == {}, "what fails later is told, too"


@pytest.mark.parametrize("body", [{}, {"escalation_id": "1"}, [], None])
async def test_rubbish_of_a_service_does_not_stop_the_boards(live: Live, body: object) -> None:
    mia = await live.open("mia", "manager")
    live.stream.refusals.append(httpx.Response(200, json=body))
    escalation_id = await live.screens.escalate()
    live.stream.tell(escalation_id)
    await until(lambda: not live.stream.refusals)
    live.stream.tell(escalation_id)
    assert (await next_row(mia))["html"]


@pytest.mark.parametrize("data", [b"{", b"[]", b'"x"', b"{}"])
async def test_rubbish_in_the_stream_does_not_stop_the_boards(live: Live, data: bytes) -> None:
    mia = await live.open("mia", "manager")
    streams = len(live.stream.events)
    live.stream.tell_bytes(data)
    await until(lambda: len(live.stream.events) > streams)
    live.stream.tell(await live.screens.escalate())
    assert (await next_row(mia))["html"]


async def test_stream_says_that_the_session_is_over_and_ends(console: ConsoleHarness) -> None:
    check_often(console)
    browser = await console.enter("sara")
    async with open_stream(console, browser) as reading:
        token = browser.cookies["upstairs"]
        other_tab = await console.browser(Cookie=f"upstairs={token}")
        await other_tab.post("/sign-out", headers=SAME_ORIGIN)
    answer = reading.result()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().endswith("event: session-over\ndata: {}")
    assert (await browser.get("/live")).status_code == 303


async def test_session_that_grows_too_old_ends_under_an_open_page(console: ConsoleHarness) -> None:
    check_often(console)
    browser = await console.enter("sara")
    async with open_stream(console, browser) as reading:
        console.wait(timedelta(hours=12))
    assert "event: session-over" in reading.result().text


async def test_stream_of_a_person_who_has_left_ends(console: ConsoleHarness) -> None:
    check_often(console)
    browser = await console.enter("mia")
    async with open_stream(console, browser) as reading:
        console.tokens_of_router.admit({"sara"})
    assert "event: session-over" in reading.result().text


async def test_open_page_outlasts_services_that_do_not_answer(console: ConsoleHarness) -> None:
    viewer = await viewer_of(console, "sara")
    hub: LiveHub = console.app.state.live
    console.clients["router"] = console.clients["intake"]
    assert await hub.is_admitted(viewer)


async def test_open_page_outlasts_a_wrong_clock_of_the_console(console: ConsoleHarness) -> None:
    viewer = await viewer_of(console, "sara")
    hub: LiveHub = console.app.state.live
    console.wait(timedelta(minutes=5))
    assert await hub.is_admitted(viewer)
    console.wait(-timedelta(minutes=5))
    console.tokens_of_router.admit({"mia"})
    assert not await hub.is_admitted(viewer)


async def test_open_page_outlasts_a_database_that_is_gone(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> None:
    check_often(console)
    checks: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        checks.append(request)

    browser = await console.enter("sara")
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(browser.get("/live"))
        await is_open(console)
        await postgres.execute(f"ALTER DATABASE {database_name} CONNECTION LIMIT 0")
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database_name}' AND backend_type = 'client backend'"
        )
        console.clients["router"].event_hooks["request"].append(note)
        # The first may have been under way.
        await until(lambda: len(checks) > 1)
        console.wait(timedelta(hours=12, seconds=1))
    assert "event: session-over" in reading.result().text, "not for longer than the session lasts"


async def test_session_has_only_so_many_streams(live: Live) -> None:
    boards = [
        await live.open("mia", "manager", session="one") for _ in range(MAX_BOARDS_OF_SESSION)
    ]
    browser = await live.screens.console.enter("rita")
    (session,) = await live.screens.console.app.state.sessions.list_of("rita")
    for _ in boards:
        await live.open("rita", "representative", session=session.session_id)
    page = await browser.get("/live")
    assert page.status_code == 429
    assert page.headers["retry-after"] == "5"
    live.hub.close(boards[0])
    await live.open("mia", "manager", session="one")


async def test_streams_end_when_the_console_stops(console: ConsoleHarness) -> None:
    hub: LiveHub = console.app.state.live
    browser = await console.enter("rita")
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks, run_workers(hub):
        reading = tasks.create_task(browser.get("/live"))
        await is_open(console)
    assert "session-over" not in reading.result().text


async def test_people_who_come_together_all_get_names_and_teams(console: ConsoleHarness) -> None:
    people = People(console.app.state.services)
    now = console.database.clock.utc_now()
    caller = Identity("mia", "manager")
    directories = await asyncio.gather(*(people.directory(caller, now) for _ in range(3)))
    assert [directory.teams_of("mia") for directory in directories] == [frozenset({"care"})] * 3


async def test_person_who_has_left_takes_nobody_the_names(console: ConsoleHarness) -> None:
    people = People(console.app.state.services)
    now = console.database.clock.utc_now()
    assert not (await people.directory(Identity("gone", "manager"), now)).names
    later = now + timedelta(seconds=6)
    assert (await people.directory(Identity("mia", "manager"), later)).names


@asynccontextmanager
async def open_stream(
    console: ConsoleHarness, browser: httpx.AsyncClient
) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """Read the stream of a page until it ends."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(browser.get("/live"))
        await is_open(console)
        yield reading


async def is_open(console: ConsoleHarness) -> None:
    """Wait until somebody looks."""
    hub: LiveHub = console.app.state.live
    await until(lambda: hub.board_count > 0)


def check_often(console: ConsoleHarness) -> None:
    console.app.state.live.check_every_s = 0.05


async def viewer_of(console: ConsoleHarness, person: str) -> Identity:
    await console.enter(person)
    return Identity(person, "supervisor")
