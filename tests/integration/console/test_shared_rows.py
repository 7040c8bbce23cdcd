"""Many open boards: a change is read once for all who may see it, and by nobody else's rights."""

import asyncio
from typing import Final

import pytest

from common.core.ids import new_id
from console.live.boards import ERASED, RELOAD, Board
from integration.console.live_harness import Live, next_of, next_row, read_all
from integration.console.screens_harness import Browser
from support.people import described
from support.waiting import until

_SUPERVISORS: Final = ("lee", "noa", "pat", "ute")
_MANAGERS: Final = ("mia", "max")
_MAX_READS: Final = 8
NOTE: Final = {"text": "I shouted.", "submission": new_id()}


async def open_many(live: Live, team: str = "front") -> list[Board]:
    """Open boards of managers, and of supervisors whom no escalation concerns."""
    await live.screens.service.handle_events(
        *(described(person, team_id=team, roles=["supervisor"]) for person in _SUPERVISORS)
    )
    for person in (*_MANAGERS, *_SUPERVISORS):
        live.screens.admit(person)
    for person in _SUPERVISORS:
        await live.screens.console.put_person(person, team_id=team, roles=["supervisor"])
    managers = [await live.open(person, "manager") for person in _MANAGERS]
    return managers + [await live.open(person, "supervisor") for person in _SUPERVISORS]


async def test_change_is_read_once_for_all_boards(live: Live) -> None:
    boards = await open_many(live)
    live.stream.tell(await live.screens.escalate())
    rows = [await next_row(board) for board in boards]
    assert live.stream.reads == 1
    assert all("Billing ticket from Ada Lovelace" in row["html"] for row in rows)
    # Written once for all supervisors, and once for all managers.
    assert len({row["html"] for row in rows}) <= 2


async def test_concerned_person_has_an_own_read(live: Live) -> None:
    boards = await open_many(live)
    sara = await live.open("sara", "supervisor")
    live.stream.tell(await live.screens.escalate())
    assert 'data-band="needs_you"' in (await next_row(sara))["html"]
    for board in boards:
        assert 'data-band="needs_you"' not in (await next_row(board))["html"]
    assert live.stream.reads == 2


async def test_person_of_a_complaint_is_offered_nothing_that_others_are(live: Live) -> None:
    boards = await open_many(live)
    escalation_id = await live.screens.escalate()
    shown = await live.screens.show(escalation_id)
    # Who acted on it may be complained about.
    await Browser(await live.screens.console.enter("sara"), escalation_id).send("note", NOTE)
    complaint = {"contact_id": shown["contact_id"], "reason": "Shouted at me.", "about": "sara"}
    answer = await live.screens.api.post("/v1/escalations", json=complaint)
    assert answer.is_success, answer.text
    sara = await live.open("sara", "supervisor")
    live.stream.tell(escalation_id)
    assert "/take-over" not in (await next_row(sara))["html"]
    for board in boards:
        html = (await next_row(board))["html"]
        assert "/take-over" in html or board.viewer.role == "manager"


async def test_nobody_gets_a_row_by_the_rights_of_others(live: Live) -> None:
    """The stream says that they may see it, and then the contact goes to another team."""
    boards = await open_many(live, team="elsewhere")
    live.stream.tell(await live.screens.escalate())
    for board in boards:
        row = await next_row(board)
        assert bool(row.get("html")) == (board.viewer.role == "manager")
    assert live.stream.reads == 1


async def test_person_who_has_left_keeps_nobody_from_the_row(live: Live) -> None:
    boards = await open_many(live)
    live.screens.dismiss("mia")
    live.stream.tell(await live.screens.escalate())
    for board in boards:
        if board.viewer.person != "mia":
            assert (await next_row(board))["html"]


async def test_slow_service_delays_rows_and_reloads_nothing(live: Live) -> None:
    boards = await open_many(live)
    for board in boards:
        await read_all(board)
    escalation_ids = [await live.screens.escalate() for _ in range(2 * _MAX_READS)]
    live.stream.gate.clear()
    for escalation_id in (*escalation_ids, *escalation_ids):
        live.stream.tell(escalation_id)
    await until(lambda: live.stream.waiting_reads == _MAX_READS)
    assert live.stream.reads == _MAX_READS, "the rest waits in the console"
    live.stream.gate.set()
    for board in boards:
        received = await read_all(board)
        assert RELOAD not in received
        assert {row for row in escalation_ids if any(row in each.data for each in received)} == {
            *escalation_ids
        }


async def test_row_that_was_read_before_an_erasure_does_not_come_after_it(live: Live) -> None:
    mia = await live.open("mia", "manager")
    await read_all(mia)
    live.stream.gate.clear()
    live.stream.tell(await live.screens.escalate())
    await until(lambda: live.stream.waiting_reads == 1)
    live.stream.tell_erasure()
    assert await next_of(mia, "erased") == {}
    live.stream.gate.set()
    assert (await next_row(mia))["html"]
    assert live.stream.reads == 2, "it is read again"


async def test_row_that_hangs_holds_up_no_other(live: Live) -> None:
    mia = await live.open("mia", "manager")
    await read_all(mia)
    live.stream.gate.clear()
    live.stream.tell(await live.screens.escalate())
    await until(lambda: live.stream.waiting_reads == 1)
    # The next reads are answered at once.
    live.stream.gate = asyncio.Event()
    live.stream.gate.set()
    other = await live.screens.escalate()
    live.stream.tell(other)
    assert (await next_row(mia))["id"] == other


@pytest.mark.parametrize("last", ["listed", "unlisted"])
async def test_last_word_of_the_stream_counts(live: Live, last: str) -> None:
    mia = await live.open("mia", "manager")
    escalation_id = await live.screens.escalate()
    tell, then = live.stream.tell, live.stream.tell_unlisted
    if last == "listed":
        tell, then = then, tell
    tell(escalation_id)
    then(escalation_id)
    received = await read_all(mia)
    rows = [each.data for each in received if each.event == "row"]
    assert ("html" in rows[-1]) == (last == "listed")
    assert ERASED not in received
    assert escalation_id in rows[-1]
