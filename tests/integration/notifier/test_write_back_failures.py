"""A write that does not succeed is tried again, is never done twice, and is seen if it fails."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from integration.notifier.conftest import ServiceHarness, paged
from integration.notifier.write_back_examples import (
    TICKET,
    ZENDESK,
    EscalatedCase,
    all_written,
    has_refused,
    list_writes,
    managing,
    set_up,
    write_states,
    writing,
)
from support.case_systems import Ticket, ZendeskStandIn
from support.waiting import until

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskStandIn]:
    async with ZendeskStandIn() as zendesk:
        zendesk.tickets[TICKET] = Ticket(tags=["invoice"])
        yield zendesk


async def test_note_that_may_have_arrived_is_not_written_twice(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    zendesk.answers, zendesk.answers_late = [(502, {})], True
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase().raised())
        await until(zendesk.changes)
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "pending")
        harness.advance(MINUTE)
        await all_written(harness)
    assert len(zendesk.tickets[TICKET].comments) == 1


async def test_change_of_another_person_meanwhile_stays(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    def tag_once(ticket: Ticket) -> None:
        if "vip" not in ticket.tags:
            ticket.tags = [*ticket.tags, "vip"]
            ticket.changes += 1

    await set_up(harness, zendesk.url)
    zendesk.before_update = tag_once
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase().raised())
        await until(lambda: len(zendesk.changes()) == 1)
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "pending")
        harness.advance(MINUTE)
        await all_written(harness)
    ticket = zendesk.tickets[TICKET]
    assert ticket.tags == ["invoice", "vip", "escalated"]
    assert len(ticket.comments) == 1


async def test_system_that_wants_fewer_calls_gets_none_until_then(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    zendesk.tickets["77"] = Ticket()
    await set_up(harness, zendesk.url)
    zendesk.answers = [(429, {"Retry-After": "300"})]
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase().raised())
        await until(
            lambda: harness.rows("SELECT held_until FROM write_backs"),
            lambda rows: rows[0].held_until is not None,
        )
        calls = len(zendesk.calls)
        await harness.handle(EscalatedCase(ref="77").raised())
        harness.advance(2 * MINUTE)
        # A page shows that time has passed and that workers have worked.
        await harness.add_recipient("dana", "email")
        await harness.handle(paged("dana"))
        await until(lambda: harness.mail.messages)
        assert len(zendesk.calls) == calls
        harness.advance(4 * MINUTE)
        await all_written(harness)


async def test_last_calls_of_a_minute_are_left_to_others(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    zendesk.limits = {"ratelimit-remaining": "3", "ratelimit-reset": "40"}
    case = EscalatedCase()
    async with writing(harness, zendesk.url):
        await harness.handle(case.raised(), case.acknowledged())
        await until(
            lambda: write_states(harness),
            lambda writes: [state for _, state in writes] == ["written", "pending"],
        )
        async with managing(harness, zendesk.url) as api:
            assert (await api.get(ZENDESK)).json()["held_until"] is not None
        zendesk.limits = {}
        harness.advance(MINUTE)
        await all_written(harness)


async def test_write_that_is_rejected_fails_and_can_be_tried_again(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    zendesk.answers = [(422, {})]
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase().raised())
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "failed")
        (failed,) = await list_writes(harness, zendesk.url, "?state=failed")
        assert failed["reason"] == "answered 422: as the test wants"
        retry = f"{ZENDESK}/writes/{failed['write_id']}/retry"
        async with managing(harness, zendesk.url) as api:
            (listed,) = (await api.get("/v1/write-backs")).json()["items"]
            assert (listed["waiting"], listed["failed"]) == (0, 1)
            retried = await api.post(retry)
            assert retried.json()["state"] == "pending"
            await all_written(harness)
            again = await api.post(retry)
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "write-not-failed")


async def test_failed_write_is_not_tried_again_after_a_later_step(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    zendesk.answers = [(422, {})]
    case = EscalatedCase()
    async with writing(harness, zendesk.url):
        await harness.handle(case.raised(), case.resolved())
        await until(
            lambda: write_states(harness),
            lambda writes: [state for _, state in writes] == ["failed", "written"],
        )
    (failed,) = await list_writes(harness, zendesk.url, "?state=failed")
    async with managing(harness, zendesk.url) as api:
        refused = await api.post(f"{ZENDESK}/writes/{failed['write_id']}/retry")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        409,
        "write-outdated",
    )


@pytest.mark.parametrize("ref", ["4040", "../users/1", "not a number"])
async def test_ticket_that_there_is_not_fails_at_once(
    harness: ServiceHarness, zendesk: ZendeskStandIn, ref: str
) -> None:
    await set_up(harness, zendesk.url)
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase(ref=ref).raised())
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "failed")
    assert zendesk.changes() == []


async def test_closed_ticket_fails_at_once(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    zendesk.tickets[TICKET].status = "closed"
    await set_up(harness, zendesk.url)
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase().raised())
        await until(lambda: write_states(harness), lambda writes: writes[0][1] == "failed")


async def test_write_that_does_not_succeed_for_a_day_fails(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    await harness.handle(EscalatedCase().raised())
    harness.advance(timedelta(hours=25))
    zendesk.answers = [(503, {})]
    async with writing(harness, zendesk.url):
        (write,) = await until(
            lambda: list_writes(harness, zendesk.url),
            lambda writes: writes[0]["state"] == "failed",
        )
    assert write["reason"].startswith("gave up: ")


async def test_system_that_refuses_us_is_halted_and_operations_are_told(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await harness.add_recipient("operations", "email")
    await set_up(harness, zendesk.url)
    zendesk.knows_us = False
    case = EscalatedCase()
    async with writing(harness, zendesk.url):
        await harness.handle(case.raised())
        for refusals in (1, 2):
            await until(partial(has_refused, harness, refusals))
            harness.advance(2 * MINUTE)
        (mail,) = await until(lambda: harness.mail.messages)
        await harness.handle(case.acknowledged())
        async with managing(harness, zendesk.url) as api:
            halted = (await api.get(ZENDESK)).json()
    assert (halted["state"], halted["halt_reason"]) == (
        "halted",
        "answered 401: Couldn't authenticate you",
    )
    assert len(zendesk.calls) == 3
    assert mail["Subject"] == "Nothing is written to zendesk:acme any longer"
    # With the right credentials what waited is written.
    zendesk.knows_us = True
    await set_up(harness, zendesk.url)
    async with writing(harness, zendesk.url):
        assert await all_written(harness) == [
            ("escalated", "written"),
            ("acknowledged", "written"),
        ]


async def test_redirect_is_not_followed(harness: ServiceHarness, zendesk: ZendeskStandIn) -> None:
    await set_up(harness, zendesk.url)
    async with ZendeskStandIn() as elsewhere:
        zendesk.answers = [(302, {"Location": f"{elsewhere.url}/api/v2/tickets/1.json"})]
        async with writing(harness, zendesk.url):
            await harness.handle(EscalatedCase().raised())
            await until(lambda: write_states(harness), lambda writes: writes[0][1] == "failed")
        assert elsewhere.calls == []


async def test_system_that_hangs_delays_no_page(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await harness.add_recipient("dana", "email")
    await set_up(harness, zendesk.url)
    async with zendesk.hanging(), writing(harness, zendesk.url):
        for number in range(20):
            await harness.handle(EscalatedCase(ref=str(number)).raised())
        await until(lambda: zendesk.calls)
        await harness.handle(paged("dana"))
        await until(lambda: harness.mail.messages)
        # It hangs still, with as many calls as it may have.
        assert len(zendesk.calls) == 4


async def test_write_of_a_process_that_died_is_done_by_another(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    async with zendesk.hanging(), writing(harness, zendesk.url) as kill:
        await harness.handle(EscalatedCase().raised())
        await until(lambda: zendesk.calls)
        kill()
    assert await write_states(harness) == [("escalated", "writing")]
    harness.advance(2 * MINUTE)
    async with writing(harness, zendesk.url):
        await all_written(harness)
    assert len(zendesk.tickets[TICKET].comments) == 1


async def test_row_that_can_not_be_read_keeps_no_other_waiting(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    zendesk.tickets["77"] = Ticket()
    await set_up(harness, zendesk.url)
    await harness.handle(EscalatedCase().raised(), EscalatedCase(ref="77").raised())
    await harness.execute(
        """UPDATE case_writes SET facts = '{"step": 7}' WHERE external_ref = '5158'"""
    )
    async with writing(harness, zendesk.url):
        await until(
            lambda: harness.rows("SELECT state FROM case_writes ORDER BY external_ref"),
            lambda rows: [row.state for row in rows] == ["failed", "written"],
        )
