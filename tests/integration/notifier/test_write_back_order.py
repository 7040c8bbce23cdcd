"""Writes to one case keep their order, also when one of them is tried again or has waited long."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from integration.notifier.conftest import ServiceHarness
from integration.notifier.write_back_examples import (
    TICKET,
    ZENDESK,
    EscalatedCase,
    all_written,
    list_writes,
    managing,
    set_up,
    write_states,
    writing,
)
from support.case_systems import Ticket, ZendeskStandIn
from support.waiting import until


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskStandIn]:
    async with ZendeskStandIn() as zendesk:
        zendesk.tickets[TICKET] = Ticket()
        yield zendesk


async def test_write_is_not_tried_again_while_a_later_step_is_being_written(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    """It would overwrite what the later step says of the case."""
    await set_up(harness, zendesk.url)
    zendesk.answers = [(422, {})]
    case = EscalatedCase()
    async with writing(harness, zendesk.url):
        await harness.handle(case.raised())
        await until(
            lambda: write_states(harness), lambda writes: writes == [("escalated", "failed")]
        )
        async with zendesk.hanging():
            await harness.handle(case.resolved())
            await until(
                lambda: write_states(harness), lambda writes: ("resolved", "writing") in writes
            )
            (failed,) = await list_writes(harness, zendesk.url, "?state=failed")
            async with managing(harness, zendesk.url) as api:
                refused = await api.post(f"{ZENDESK}/writes/{failed['write_id']}/retry")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        409,
        "write-outdated",
    )


async def test_write_whose_process_died_expires_while_the_system_is_paused(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    async with zendesk.hanging(), writing(harness, zendesk.url) as kill:
        await harness.handle(EscalatedCase().raised())
        await until(lambda: zendesk.calls)
        kill()
    await set_up(harness, zendesk.url, state="paused")
    harness.advance(timedelta(hours=25))
    async with writing(harness, zendesk.url):
        await until(
            lambda: write_states(harness), lambda writes: writes == [("escalated", "failed")]
        )


async def test_calls_under_way_when_credentials_are_refused_count_once(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    """Three refusals in a row are three times, a minute apart, and not three calls of a moment."""
    await set_up(harness, zendesk.url)
    for number in range(4):
        zendesk.tickets[str(number)] = Ticket()
        await harness.handle(EscalatedCase(ref=str(number)).raised())
    zendesk.knows_us = False
    async with writing(harness, zendesk.url):
        await until(
            lambda: write_states(harness),
            lambda writes: (
                [state for _, state in writes] == ["pending"] * 4 and len(zendesk.calls) == 4
            ),
        )
        async with managing(harness, zendesk.url) as api:
            shown = (await api.get(ZENDESK)).json()
        assert shown["state"] == "active"
        zendesk.knows_us = True
        harness.advance(timedelta(minutes=2))
        await all_written(harness)
