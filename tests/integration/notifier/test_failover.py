"""Another method of the person stands in for one that fails, is down, or sends no receipt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId
from common.contracts.notifications import Medium
from common.core.metrics import Metrics
from devstack import receivers
from integration.notifier.conftest import (
    CONTACT,
    ServiceHarness,
    acknowledged,
    key,
    open_api,
    page_also,
    paged,
)
from integration.notifier.examples import lose_attempts
from notifier.channels.base import Channel
from notifier.channels.email import Email
from notifier.channels.slack import Slack
from notifier.domain.recipients import Address, Recipient
from support.waiting import until


class SlackWithReceipts(Slack):
    """A channel whose receipts never come."""

    has_receipts = True


def slack_pages(count: int) -> list[Any]:
    return [paged("dana", media=["slack"]) for _ in range(count)]


async def pages(harness: ServiceHarness) -> list[tuple[str, str, str | None]]:
    rows = await harness.rows(
        "SELECT medium, state, failover_from FROM notifications WHERE kind = 'page'"
        " ORDER BY requested_at, notification_id"
    )
    return [tuple(row) for row in rows]


async def failures(harness: ServiceHarness) -> list[dict[str, Any]]:
    return [each for each in await harness.published() if each["event"] == "notification_failed"]


async def shown_media(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    shown = await api.get("/v1/recipients/dana", headers=key("root"))
    media: list[dict[str, Any]] = shown.json()["media"]
    return media


async def put_steps(
    api: httpx.AsyncClient, media: Sequence[dict[str, Any]], **after_minutes: int
) -> None:
    """Set Dana's media, and after how many minutes each is used for what is of high severity."""
    steps = [
        {"after_minutes": minutes, "media": [medium]} for medium, minutes in after_minutes.items()
    ]
    body = {"name": "Dana", "media": media, "steps": {"high": steps}}
    answer = await api.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert answer.is_success, answer.text


async def test_next_method_stands_in_for_one_that_failed_for_good(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana")
    harness.slack.otherwise = receivers.slack_error("channel_not_found")
    async with harness.delivering():
        await harness.handle(*slack_pages(1))
        await until(harness.mail.messages.copy)
        await until(lambda: pages(harness), lambda rows: rows[-1][1] == "sent")
    assert await pages(harness) == [("slack", "failed", None), ("email", "sent", "slack")]
    # Escalation waits for the stand-in before it goes on.
    (failed,) = await failures(harness)
    assert (failed["medium"], failed["page_media"]) == ("slack", ["slack", "email"])
    shown = (await api.get("/v1/notifications?state=sent", headers=key("sara"))).json()["items"][0]
    assert shown["failover_from"] == "slack"
    assert shown["history"][0]["reason"] == "failover from slack"


async def test_page_whose_methods_have_all_failed_is_heard_by_escalation(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana")
    harness.slack.otherwise = receivers.slack_error("channel_not_found")
    harness.mail.answer = "550 no such mailbox"
    async with harness.delivering():
        await harness.handle(*slack_pages(1))
        await until(lambda: failures(harness), lambda events: len(events) == 2)
    assert [(event["medium"], event["page_media"]) for event in await failures(harness)] == [
        ("slack", ["slack", "email"]),
        ("email", ["slack", "email"]),
    ]


async def test_message_that_arrived_needs_no_stand_in(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    harness.slack.otherwise = receivers.slack_error("channel_not_found")
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(lambda: failures(harness))
    assert sorted(await pages(harness), key=str) == [
        ("email", "sent", None),
        ("slack", "failed", None),
    ]


async def test_escalation_that_somebody_took_needs_no_stand_in(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    (page,) = slack_pages(1)
    harness.slack.otherwise = receivers.HANGS
    async with harness.delivering(delivery_timeout_seconds=0.5, delivery_attempts=1):
        await harness.handle(page)
        await until(harness.posted)
        await harness.handle(acknowledged(page, "omar"))
        await until(lambda: failures(harness))
    assert await pages(harness) == [("slack", "failed", None)]


@pytest.mark.parametrize("is_seen", [False, True], ids=["no receipt", "seen"])
async def test_next_method_stands_in_where_no_receipt_came_in_time(
    harness: ServiceHarness, is_seen: bool
) -> None:
    channels: Sequence[type[Channel]] = (SlackWithReceipts, Email)
    harness = replace(harness, channels=channels)
    await harness.add_recipient("dana")
    metrics = Metrics()
    async with harness.delivering(metrics, receipt_seconds=30):
        await harness.handle(*slack_pages(1))
        await until(lambda: pages(harness), lambda rows: rows[0][1] == "sent")
        if is_seen:
            await harness.execute("UPDATE notifications SET seen_at = sent_at")
        assert await pages(harness) == [("slack", "sent", None)]
        harness.advance(timedelta(seconds=31))
        overdue = "SELECT 1 FROM notifications WHERE receipt_due_at IS NOT NULL"
        await until(lambda: harness.rows(overdue), lambda rows: not rows)
        await until(harness.states, lambda states: "sending" not in str(states))
    stand_ins = [] if is_seen else [("email", "sent", "slack")]
    assert await pages(harness) == [("slack", "sent", None), *stand_ins]
    labels = {"medium": "slack", "cause": "no receipt"}
    count = metrics.registry.get_sample_value("upstairs_delivery_failovers_total", labels)
    assert count == (None if is_seen else 1)


async def test_pages_take_other_methods_at_once_while_an_outside_system_is_down(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana")
    harness.slack.otherwise = receivers.server_error(503)
    async with harness.delivering():
        await harness.handle(*slack_pages(5))
        await until(lambda: pages(harness), lambda rows: str(rows).count("'email', 'sent'") == 5)
        calls = len(harness.posted())
        await harness.handle(*slack_pages(3))
        await until(lambda: pages(harness), lambda rows: str(rows).count("'email', 'sent'") == 8)
        # Nothing more is sent to Slack until the next probe is due.
        assert len(harness.posted()) == calls
        async with open_api(harness) as api:
            shown = await api.get("/v1/notifications?state=pending", headers=key("sara"))
        reasons = [
            step["reason"]
            for item in shown.json()["items"]
            for step in item["history"]
            if step["state"] == "delayed"
        ]
        assert len(reasons) == 8
        assert all(reason.startswith("slack is down since ") for reason in reasons)
        harness.slack.otherwise = receivers.OK
        harness.advance(timedelta(seconds=6))
        await until(lambda: pages(harness), lambda rows: str(rows).count("'sent'") == 16)
    assert not await failures(harness)


async def test_backlog_of_an_outside_system_is_sent_in_order_of_urgency(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.server_error(503)
    levels = ["low", "low", "medium", "high", "medium", "critical"]
    async with harness.delivering(delivery_slots=1):
        await harness.handle(*(paged("dana", severity=level) for level in levels))
        await until(
            lambda: harness.rows("SELECT 1 FROM notifications WHERE delay_reason IS NOT NULL"),
            lambda rows: len(rows) == len(levels),
        )
        before = len(harness.posted())
        harness.slack.otherwise = receivers.OK
        harness.advance(timedelta(seconds=30))
        await until(lambda: pages(harness), lambda rows: str(rows).count("'sent'") == len(levels))
    sent = [
        next(level for level in set(levels) if f"{level} severity" in str(post.body))
        for post in harness.posted()[before:]
    ]
    assert sent == ["critical", "high", "medium", "medium", "low", "low"]


async def test_page_that_waited_too_long_has_failed(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.server_error(503)
    async with harness.delivering(provider_wait_seconds=30):
        await harness.handle(*slack_pages(5))
        await until(
            lambda: harness.rows("SELECT 1 FROM notifications WHERE delay_reason IS NOT NULL"),
            lambda rows: len(rows) >= 4,
        )
        harness.advance(timedelta(seconds=31))
        await until(lambda: failures(harness), lambda events: len(events) >= 4)
    assert "waited too long: slack is down since" in (await failures(harness))[0]["reason"]


async def test_later_step_comes_at_once_if_the_first_waited_too_long(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana")
    async with open_api(harness) as api:
        media = await shown_media(api)
        await put_steps(api, media, slack=0, email=60)
    harness.slack.otherwise = receivers.server_error(503)
    async with harness.delivering(provider_wait_seconds=30):
        await harness.handle(*(paged("dana") for _ in range(5)))
        await until(
            lambda: harness.rows("SELECT 1 FROM notifications WHERE delay_reason IS NOT NULL"),
            lambda rows: len(rows) >= 4,
        )
        assert not harness.mail.messages
        harness.advance(timedelta(seconds=31))
        await until(lambda: failures(harness), lambda events: len(events) >= 4)
        await until(lambda: harness.mail.messages, lambda mails: len(mails) >= 4)


async def test_page_that_is_not_due_yet_is_not_concerned_by_what_is_down_now(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("sara", "slack")
    maintained = paged("sara", media=["slack"], contact={**CONTACT, "topic": "shipping"})
    harness.slack.otherwise = receivers.server_error(503)
    path = "/v1/maintenance-windows/topic/shipping"
    body = {"minutes": 10, "reason": "New system"}
    assert (await api.put(path, json=body, headers=key("mona"))).is_success
    waiting = f"SELECT 1 FROM notifications WHERE page_id = '{maintained.page_id}' AND "
    async with harness.delivering(provider_wait_seconds=30):
        await harness.handle(maintained)
        await until(lambda: harness.rows(f"{waiting} delay_reason LIKE 'maintenance%'"))
        await harness.handle(*slack_pages(5))
        down = "SELECT 1 FROM notifications WHERE delay_reason LIKE 'slack is down%'"
        await until(lambda: harness.rows(down), lambda rows: len(rows) >= 4)
        # Another page about the same contact is due.
        await harness.handle(page_also(maintained, "dana", media=["slack"]))
        harness.advance(timedelta(seconds=31))
        await until(lambda: failures(harness), lambda events: len(events) >= 5)
        assert await harness.rows(f"{waiting} delay_reason LIKE 'maintenance%'")
        # After its end it waits for Slack as long as any other.
        harness.advance(timedelta(minutes=10))
        await until(lambda: harness.rows(f"{waiting} delay_reason LIKE 'slack is down%'"))
        assert not await harness.rows(f"{waiting} state = 'failed'")
        harness.advance(timedelta(seconds=31))
        await until(lambda: harness.rows(f"{waiting} state = 'failed'"))


@pytest.mark.parametrize("left", [("email",), ()], ids=["another method", "none"])
async def test_page_whose_method_is_removed_while_it_waits_takes_another(
    harness: ServiceHarness, left: tuple[Medium, ...]
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(*slack_pages(1))
    async with harness.database.transaction() as uow:
        addresses = tuple(Address(each, {"address": "dana@example.com"}) for each in left)
        await uow.recipients.save(Recipient(PersonId("dana"), "Dana", addresses))
    async with harness.delivering():
        await until(lambda: failures(harness))
        await until(harness.states, lambda states: "pending" not in str(states))
    assert not harness.posted()
    assert len(harness.mail.messages) == len(left)
    stand_ins = [(each, "sent", "slack") for each in left]
    assert await pages(harness) == [("slack", "failed", None), *stand_ins]
    (failed,) = await failures(harness)
    assert failed["page_media"] == ["slack", *left]


async def test_failures_of_all_methods_at_once_name_the_method_that_stands_in(
    harness: ServiceHarness,
) -> None:
    email, sms = Address("email", {"address": "dana@example.com"}), Address("sms", {"number": "+1"})
    slack = Address("slack", {"channel": "D-DANA", "user_id": "U-DANA"})
    for addresses in (email, sms), (slack,):
        async with harness.database.transaction() as uow:
            await uow.recipients.save(Recipient(PersonId("dana"), "Dana", addresses))
        if slack not in addresses:
            await harness.handle(paged("dana"))
    async with harness.delivering():
        await until(lambda: failures(harness), lambda events: len(events) == 2)
        await until(harness.posted)
        await until(harness.states, lambda states: "sending" not in str(states))
    # Escalation waits for it: the page has not failed on each of its media.
    assert [set(each["page_media"]) for each in await failures(harness)] == [
        {"email", "sms", "slack"}
    ] * 2


async def test_later_step_comes_at_once_if_the_method_of_the_first_is_removed(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana")
    async with open_api(harness) as api:
        media = await shown_media(api)
        await put_steps(api, media, slack=0, email=5)
        await harness.handle(paged("dana"))
        await put_steps(api, media[1:], email=0)
    async with harness.delivering():
        await until(lambda: harness.mail.messages)
        await until(harness.states, lambda states: "sending" not in str(states))
    assert await pages(harness) == [("slack", "failed", None), ("email", "sent", None)]


async def test_message_that_cannot_be_read_keeps_no_other_waiting_for_its_receipt(
    harness: ServiceHarness,
) -> None:
    channels: Sequence[type[Channel]] = (SlackWithReceipts, Email)
    harness = replace(harness, channels=channels)
    await harness.add_recipient("dana")
    poisoned, other = slack_pages(2)
    async with harness.delivering(receipt_seconds=30):
        await harness.handle(poisoned, other)
        await until(lambda: pages(harness), lambda rows: str(rows).count("'sent'") == 2)
        await harness.execute(
            f"UPDATE notifications SET content = '[]' WHERE page_id = '{poisoned.page_id}'"
        )
        harness.advance(timedelta(seconds=31))
        await until(lambda: harness.mail.messages)
        overdue = "SELECT 1 FROM notifications WHERE receipt_due_at IS NOT NULL"
        await until(lambda: harness.rows(overdue), lambda rows: not rows)
        await until(harness.states, lambda states: "sending" not in str(states))
    assert (await pages(harness))[2:] == [("email", "sent", "slack")]


async def test_next_method_stands_in_where_the_last_attempt_was_lost(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana")
    await harness.handle(*slack_pages(1))
    await lose_attempts(harness)
    async with harness.delivering(delivery_attempts=1):
        await until(lambda: harness.mail.messages)
        await until(harness.states, lambda states: "sending" not in str(states))
    assert await pages(harness) == [("slack", "failed", None), ("email", "sent", "slack")]
    assert sorted(await harness.attempts()) == [(1, "sent"), (1, "unknown")]
    (failed,) = await failures(harness)
    assert (failed["medium"], failed["page_media"]) == ("slack", ["slack", "email"])
    assert not harness.posted()
