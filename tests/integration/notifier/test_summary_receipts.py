"""What is reported about a summary counts for the pages in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.notifications import Medium
from integration.notifier.conftest import ServiceHarness, acknowledged, paged
from integration.notifier.phone_examples import DANA
from support.twilio import Created, Twilio
from support.waiting import until

CARRIED = (
    "SELECT page_id, state, reason, delivered_at, seen_at FROM notifications"
    " WHERE kind = 'page' AND summary_id IS NOT NULL ORDER BY notification_id"
)
STAND_INS = (
    "SELECT page_id FROM notifications"
    " WHERE kind = 'page' AND medium = 'email' AND failover_from = '{medium}'"
)
PENDING = "state = 'pending', due_at = requested_at, sent_at = NULL, receipt = NULL"
CHANGE = "UPDATE notifications SET {change} WHERE kind = '{kind}'"


@asynccontextmanager
async def summary_sent(
    harness: ServiceHarness, twilio: Twilio, medium: Medium, *, has_mail: bool = True
) -> AsyncIterator[tuple[list[Any], Created]]:
    """Page dana three times; give the pages that the second message carries, and that message."""
    media: tuple[Medium, ...] = (medium, "email") if has_mail else (medium,)
    await harness.add_recipient("dana", *media, number=DANA)
    pages = [paged("dana", media=[medium]) for _ in range(3)]
    limits = {"recipient_budget": 1, "receipt_seconds": 30}
    async with harness.delivering(None, **twilio.settings, **limits):
        await harness.handle(*pages)
        created = twilio.calls if medium == "voice" else twilio.messages
        await until(lambda: len(created), lambda count: count == 2)
        await until(lambda: states(harness), lambda carried: carried == ["grouped"] * 2)
        rows = {str(row.page_id) for row in await harness.rows(CARRIED)}
        yield [page for page in pages if page.page_id in rows], created[1]


async def states(harness: ServiceHarness) -> list[str]:
    return [row.state for row in await harness.rows(CARRIED)]


async def stand_ins(harness: ServiceHarness, medium: Medium) -> set[str]:
    rows = await harness.rows(STAND_INS.format(medium=medium))
    return {str(row.page_id) for row in rows}


async def pages_of(harness: ServiceHarness, event: str) -> set[str]:
    return {each["page_id"] for each in await harness.published() if each["event"] == event}


async def change(harness: ServiceHarness, kind: str, new: str) -> None:
    await harness.execute(CHANGE.format(change=new, kind=kind))


@pytest.mark.parametrize(
    ("medium", "status", "more"),
    [
        ("sms", "delivered", {}),
        ("whatsapp", "read", {}),
        ("voice", "completed", {"AnsweredBy": "human"}),
    ],
)
async def test_pages_arrived_with_their_summary(
    harness: ServiceHarness,
    twilio: Twilio,
    phone_api: httpx.AsyncClient,
    medium: Medium,
    status: str,
    more: dict[str, str],
) -> None:
    async with summary_sent(harness, twilio, medium) as (pages, message):
        for _ in range(2):
            assert (await twilio.report(phone_api, message, status, **more)).is_success
        carried = await harness.rows(CARRIED)
        assert all(row.delivered_at and row.state == "grouped" for row in carried)
        delivered = [each["event"] for each in await harness.published()]
        assert delivered.count("notification_delivered") == 2
        assert await pages_of(harness, "notification_delivered") == {page.page_id for page in pages}
        # A summary names the first page alone: nobody has seen the others.
        assert not any(row.seen_at for row in carried)
        assert "notification_seen" not in delivered
        await change(harness, "page", "receipt_due_at = NULL")
        harness.advance(timedelta(seconds=31))
        overdue = "SELECT 1 FROM notifications WHERE receipt_due_at IS NOT NULL AND kind = 'page'"
        await until(lambda: harness.rows(overdue), lambda rows: not rows)
    assert await stand_ins(harness, medium) == set()


@pytest.mark.parametrize(("medium", "code"), [("sms", "30006"), ("sms", "30008")])
async def test_pages_of_a_summary_that_did_not_arrive_take_the_next_method(
    harness: ServiceHarness,
    twilio: Twilio,
    phone_api: httpx.AsyncClient,
    medium: Medium,
    code: str,
) -> None:
    async with summary_sent(harness, twilio, medium) as (pages, message):
        settled, asking = pages
        await harness.handle(acknowledged(settled, "omar"))
        await twilio.report(phone_api, message, "undelivered", ErrorCode=code)
        await until(lambda: states(harness), lambda carried: "failed" in carried)
    assert await stand_ins(harness, medium) == {asking.page_id}
    carried = await harness.rows(CARRIED)
    assert all(row.reason.startswith("in a summary: not delivered: ") for row in carried)
    failed = [each for each in await harness.published() if each["event"] == "notification_failed"]
    media = {each["page_id"]: each["page_media"] for each in failed}
    assert media[asking.page_id] == ["sms", "email"]


async def test_escalation_hears_of_pages_whose_summary_was_the_last_method(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    async with summary_sent(harness, twilio, "sms", has_mail=False) as (pages, message):
        await twilio.report(phone_api, message, "failed", ErrorCode="30003")
    assert await states(harness) == ["failed"] * 2
    assert await pages_of(harness, "notification_failed") == {page.page_id for page in pages}


@pytest.mark.parametrize("kind", [None, "summary", "page"], ids=["no receipt", "seen", "page seen"])
async def test_pages_of_a_summary_without_a_receipt_in_time_take_the_next_method(
    harness: ServiceHarness, twilio: Twilio, kind: str | None
) -> None:
    async with summary_sent(harness, twilio, "sms") as (pages, _):
        if kind:
            await change(harness, kind, "seen_at = requested_at")
        harness.advance(timedelta(seconds=31))
        overdue = "SELECT 1 FROM notifications WHERE kind = 'summary' AND receipt_due_at IS NULL"
        await until(lambda: harness.rows(overdue))
    carried = {page.page_id for page in pages}
    assert await stand_ins(harness, "sms") & carried == (set() if kind else carried)
    assert await states(harness) == ["grouped"] * 2
    assert await pages_of(harness, "notification_failed") == set()


async def test_summary_of_which_a_page_was_opened_arrived_whatever_is_reported(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    async with summary_sent(harness, twilio, "sms") as (_, message):
        await change(harness, "page", "seen_at = requested_at")
        await twilio.report(phone_api, message, "undelivered", ErrorCode="30006")
    assert await states(harness) == ["grouped"] * 2
    assert await stand_ins(harness, "sms") == set()


async def test_report_of_arrival_may_come_before_the_answer_to_our_call(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    async with summary_sent(harness, twilio, "sms") as (_, message):
        pass
    await change(harness, "summary", PENDING)
    held_back = "state = CASE state WHEN 'grouped' THEN 'held_back' ELSE state END"
    await change(harness, "page", held_back)
    await twilio.report(phone_api, message, "delivered")
    carried = await harness.rows(CARRIED)
    assert [(row.state, row.delivered_at is not None) for row in carried] == [("grouped", True)] * 2
