"""A flood of pages: some go out at once, the rest in a few summaries, and nothing is lost."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, get_args

import httpx
import pytest
from msgspec import structs
from msgspec.structs import replace

from common.contracts.escalations import PageRequested, Severity
from common.contracts.event import EscalationId, PageId
from common.core.clock import TimeSource
from common.core.ids import new_id
from devstack import receivers
from devstack.receivers import SlackCall
from integration.notifier.conftest import (
    CONTACT,
    ServiceHarness,
    acknowledged,
    key,
    paged,
    pressed,
    send_as_slack,
)
from integration.notifier.examples import PROGRAM, answer_events
from notifier.domain.brake import MAX_HELD_PAGES, by_turns
from notifier.domain.recipients import ReportingLine
from notifier.store.notifications import Filter
from support.waiting import until

BUDGETS: dict[str, Any] = {"recipient_budget": 3, "customer_budget": 1000, "channel_budget": 1000}
MINUTE = timedelta(seconds=61)


def flood(count: int, person: str = "dana", **contact: Any) -> list[PageRequested]:
    return [
        paged(person, contact={**CONTACT, "customer_id": new_id(), **contact}) for _ in range(count)
    ]


async def page_states(harness: ServiceHarness, medium: str = "slack") -> Counter[str]:
    states = await harness.states()
    return Counter(state for kind, each, state in states if (kind, each) == ("page", medium))


async def settle(harness: ServiceHarness, kind: str, count: int) -> None:
    """Wait until nothing is on its way, and so many messages of this kind were sent."""

    def is_settled(states: Sequence[tuple[str, str, str]]) -> bool:
        sent = sum((each, state) == (kind, "sent") for each, _, state in states)
        return sent == count and not {state for *_, state in states} & {"sending"}

    await until(harness.states, is_settled)


def summaries(harness: ServiceHarness) -> list[SlackCall]:
    return [post for post in harness.posted() if "held back" in post.body["text"]]


def tokens(post: SlackCall) -> list[str]:
    return [
        button["value"]
        for block in post.body["blocks"]
        if block["type"] == "actions"
        for button in block["elements"]
        if button["action_id"] == "acknowledge"
    ]


async def test_flood_becomes_few_messages_and_nothing_is_lost(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    pages = flood(20)
    async with harness.delivering(**BUDGETS):
        await harness.handle(*pages)
        for medium in ("slack", "email"):
            await until(
                partial(page_states, harness, medium),
                lambda states: states["sent"] == 3 and states["pending"] + states["sending"] == 0,
            )
        await settle(harness, "summary", 2)
        first = await page_states(harness)
        assert first["grouped"] >= 1
        assert len(harness.posted()) == len(harness.mail.messages) == 4
        # An interval later the rest comes, in one message.
        harness.advance(MINUTE)
        await until(lambda: page_states(harness), lambda states: states["held_back"] == 0)
        await until(lambda: page_states(harness, "email"), lambda states: not states["held_back"])
    assert await page_states(harness) == {"sent": 3, "grouped": 17}
    assert len(harness.posted()) <= 5
    assert len(harness.mail.messages) <= 5
    sent = Counter(
        (event["page_id"], event["medium"])
        for event in await harness.published()
        if event["event"] == "notification_sent"
    )
    assert sent == {(page.page_id, medium): 1 for page in pages for medium in ("slack", "email")}


async def test_page_in_a_summary_can_be_acknowledged(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana")
    async with harness.delivering(**BUDGETS):
        await harness.handle(*flood(4))
        await settle(harness, "summary", 2)
    # The words of the page are in one place only, where an erasure finds them.
    copies = await harness.rows("SELECT 1 FROM notifications WHERE content::text LIKE '%Ada%'")
    assert len(copies) == 8
    (post,) = summaries(harness)
    (token,) = tokens(post)
    body = pressed("U-dana", token)
    assert (await send_as_slack(api, body)).is_success
    (mail,) = [mail for mail in harness.mail.messages if "held back" in mail["Subject"]]
    part = mail.get_body(("plain",))
    assert part
    link = re.search(r"1\. Take over: http://notifier(\S+)", part.get_content())
    assert link
    assert (await api.post(link.group(1), headers=PROGRAM)).status_code == 200
    acted = await answer_events(harness)
    assert [(event["action"], event["medium"]) for event in acted] == [
        ("acknowledge", "slack"),
        ("take_over", "email"),
    ]


async def test_customer_and_channel_have_budgets_over_all_recipients(
    harness: ServiceHarness,
) -> None:
    people = [f"person{number}" for number in range(8)]
    for person in people:
        await harness.add_recipient(person, "slack")
    budgets: dict[str, Any] = {"recipient_budget": 1000, "customer_budget": 3, "channel_budget": 5}
    async with harness.delivering(**budgets):
        await harness.handle(*(page for who in people for page in flood(1, who, customer_id="ada")))
        await until(lambda: page_states(harness), lambda states: states["grouped"] == 5)
        await harness.handle(*(page for person in people for page in flood(1, person)))
        await until(lambda: page_states(harness), lambda states: states["sent"] == 5)
        # Who has had a summary just now gets the next one later.
        await settle(harness, "summary", 6)
    assert await page_states(harness) == {"sent": 5, "grouped": 6, "held_back": 5}
    reasons = await harness.rows(
        "SELECT DISTINCT reason FROM notifications WHERE state IN ('held_back', 'grouped')"
    )
    assert {row.reason for row in reasons} == {
        "held back: over the budget of 3 messages in 60 s for one customer",
        "held back: over the budget of 5 messages in 60 s for one channel",
    }


async def test_flood_about_one_customer_leaves_a_page_about_another_to_be_sent(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana", "slack")
    mallory = new_id()
    budgets: dict[str, Any] = {
        "recipient_budget": 5,
        "customer_budget": 1000,
        "channel_budget": 1000,
    }
    async with harness.delivering(**budgets):
        await harness.handle(*(page for _ in range(20) for page in flood(1, customer_id=mallory)))
        await until(lambda: page_states(harness), lambda states: states["sent"] == 3)
        await settle(harness, "summary", 1)
        await harness.handle(*flood(1, customer_name="Vera"))
        await until(lambda: page_states(harness), lambda states: states["sent"] == 4)
    assert "Vera" in harness.posted()[-1].body["text"]
    reasons = await harness.rows(
        "SELECT DISTINCT reason FROM notifications WHERE state IN ('held_back', 'grouped')"
    )
    assert [row.reason for row in reasons] == [
        "held back: over the budget of 3 messages in 60 s for one customer to one recipient"
    ]


@pytest.mark.parametrize(
    ("flooding", "other"),
    [
        pytest.param({"customer_id": "m"}, {}, id="one customer"),
        pytest.param({"received_from": "chat"}, {"received_from": "mail"}, id="one channel"),
    ],
)
async def test_flood_longer_than_a_summary_looks_hides_no_other_page(
    harness: ServiceHarness, flooding: dict[str, str], other: dict[str, str]
) -> None:
    await harness.add_recipient("dana", "slack")
    budgets: dict[str, Any] = {
        "recipient_budget": 1,
        "customer_budget": 1000,
        "channel_budget": 1000,
    }
    async with harness.delivering(**budgets):
        pages = [page for _ in range(MAX_HELD_PAGES + 40) for page in flood(1, **flooding)]
        await harness.handle(*pages)
        await until(
            lambda: page_states(harness), lambda states: not states["pending"] + states["sending"]
        )
        await settle(harness, "summary", 1)
        await harness.handle(*flood(1, customer_name="Vera", **other))
        count = len(pages) - 1 - len(tokens(summaries(harness)[0])) + 1
        await until(lambda: page_states(harness), lambda states: states["held_back"] == count)
        harness.advance(MINUTE)
        await settle(harness, "summary", 2)
    assert "Vera" in str(summaries(harness)[1].body["blocks"])


async def test_summary_looks_at_the_first_pages_by_turns(harness: ServiceHarness) -> None:
    """The database chooses as `by_turns` orders, however the pages are mixed."""
    await harness.add_recipient("dana", "slack")
    mixed = Random(7)
    await harness.handle(*(_any_page(mixed) for _ in range(MAX_HELD_PAGES + 100)))
    async with harness.database.transaction() as uow:
        waiting = []
        for page in await uow.notifications.latest(Filter(), None, 1000):
            await uow.notifications.lock(page.notification_id)
            content = replace(page.content, is_repeat=mixed.random() < 0.2)
            waiting.append(replace(page, state="held_back", due_at=None, content=content))
            uow.notifications.put(waiting[-1])
        chosen, _, count = await uow.notifications.claim_held_back(waiting[0])
    assert count == len(waiting) == MAX_HELD_PAGES + 100
    first = by_turns(waiting)[:MAX_HELD_PAGES]
    assert {page.notification_id for page in chosen} == {page.notification_id for page in first}


def _any_page(mixed: Random) -> PageRequested:
    contact = {
        **CONTACT,
        "customer_id": mixed.choice([None, "ada", "mallory", "mallory", "mallory"]),
        "received_from": mixed.choice([None, "mail", "form", "form"]),
    }
    return paged(
        "dana",
        contact=mixed.choice([contact] * 5 + [None]),
        reason=mixed.choice(["raised", "repeated", "climbed", "updated"]),
        severity=mixed.choice([None, *get_args(Severity)]),
        respond_by=TimeSource().utc_now() + timedelta(seconds=mixed.randrange(600)),
    )


async def test_page_over_a_budget_is_shown_with_the_reason(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.otherwise = receivers.HANGS
    async with harness.delivering(**BUDGETS, delivery_timeout_seconds=0.5) as kill:
        await harness.handle(*flood(5))
        await until(lambda: page_states(harness), lambda states: states["held_back"] == 2)
        kill()
    listed = await api.get("/v1/notifications?state=held_back", headers=key("sara"))
    assert [item["reason"] for item in listed.json()["items"]] == [
        "held back: over the budget of 3 messages in 60 s for one recipient"
    ] * 2
    first_page = listed.json()["items"][0]
    assert first_page["reason_code"] == "over-budget"
    assert first_page["reason_parameters"] == {"budget": "recipient", "most": 3, "window_s": 60}


async def test_unanswered_escalations_to_one_person_are_a_few_messages(
    harness: ServiceHarness,
) -> None:
    """Nine minutes of forty escalations that nobody answers, each repeated as ladders do."""
    await harness.add_recipient("dana")
    requests = {EscalationId(new_id()): page for page in flood(40)}
    passed = 0
    async with harness.delivering(recipient_budget=5, customer_budget=10, channel_budget=30):
        for second in (0, 10, 30, 60, 70, 120, 150, 240, 300, 310, 420, 540):
            harness.advance(timedelta(seconds=second - passed))
            passed = second
            if second in (0, 10, 30, 70, 150, 310):
                await harness.handle(*(wave(page, each, second) for each, page in requests.items()))
            await until(
                harness.states,
                lambda states: (
                    not [each for each in states if each[0] == "page" and each[2] == "pending"]
                    and "sending" not in {state for *_, state in states}
                ),
            )
    # Five by themselves, and summaries that come ever more seldom.
    assert len(harness.posted()) <= 9
    assert len(harness.mail.messages) <= 9
    arrived = await harness.rows(
        "SELECT DISTINCT medium, escalation_id::text AS id FROM notifications"
        " WHERE kind = 'page' AND state IN ('sent', 'grouped')"
    )
    assert {(row.medium, row.id) for row in arrived} == {
        (medium, each) for medium in ("slack", "email") for each in requests
    }
    # Each can be acknowledged in a message that arrived.
    assert sum(len(tokens(post)) for post in harness.posted()) >= len(requests)


def wave(page: PageRequested, escalation_id: EscalationId, second: int) -> PageRequested:
    now = page.occurred_at + timedelta(seconds=second)
    changes = {
        "page_id": PageId(new_id()),
        "escalation_id": escalation_id,
        "reason": "repeated" if second else "raised",
        "respond_by": now + timedelta(seconds=20),
    }
    return structs.replace(page, **changes)


async def test_page_that_is_settled_meanwhile_is_not_in_the_summary(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(**BUDGETS):
        await harness.handle(*flood(4))
        await settle(harness, "summary", 1)
        (extra,) = flood(1)
        await harness.handle(extra)
        await until(lambda: page_states(harness), lambda states: states["held_back"] == 1)
        await harness.handle(acknowledged(extra, "omar"))
        harness.advance(MINUTE)
        await until(harness.states, lambda states: ("summary", "slack", "cancelled") in states)
    assert (await page_states(harness))["cancelled"] == 1
    assert len(summaries(harness)) == 1


async def test_failed_summary_reports_its_pages(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(**BUDGETS):
        await harness.handle(*flood(3))
        await until(lambda: page_states(harness), lambda states: states["sent"] == 3)
        harness.slack.otherwise = receivers.slack_error("channel_not_found")
        (page,) = flood(1)
        await harness.handle(page)
        await until(harness.states, lambda states: ("summary", "slack", "failed") in states)
    failed = [event for event in await harness.published() if event["event"].endswith("failed")]
    assert [event["page_id"] for event in failed] == [page.page_id]
    assert failed[0]["reason"] == "in a summary: Slack refused: channel_not_found"


async def test_two_replicas_share_the_budgets(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(**BUDGETS), harness.delivering(**BUDGETS):
        for _ in range(4):
            await harness.handle(*flood(10))
        await until(
            lambda: page_states(harness), lambda states: states["pending"] + states["sending"] == 0
        )
        await settle(harness, "summary", 1)
        for _ in range(3):
            harness.advance(MINUTE)
            await until(
                harness.states, lambda states: ("summary", "slack", "pending") not in states
            )
        await until(lambda: page_states(harness), lambda states: states["held_back"] == 0)
    assert await page_states(harness) == {"sent": 3, "grouped": 37}
    assert len(harness.posted()) - 3 == len(summaries(harness)) <= 4
    assert max(len(tokens(post)) for post in summaries(harness)) <= 20


@pytest.mark.parametrize("medium", ["slack", "email"])
async def test_summary_to_a_person_who_left_fails_its_pages(
    harness: ServiceHarness, medium: Any
) -> None:
    await harness.add_recipient("dana", medium)
    async with harness.delivering(**BUDGETS):
        await harness.handle(*flood(4))
        await settle(harness, "summary", 1)
        (late,) = flood(1)
        await harness.handle(late)
        await until(lambda: page_states(harness, medium), lambda states: states["held_back"] == 1)
        async with harness.database.transaction() as uow:
            await uow.reporting_lines.save(ReportingLine(late.person_id, 1, None, False))
        harness.advance(MINUTE)
        await until(lambda: page_states(harness, medium), lambda states: states["failed"] == 1)
    failed = [event for event in await harness.published() if event["event"].endswith("failed")]
    assert [(event["page_id"], event["reason"]) for event in failed] == [
        (late.page_id, "the recipient has left")
    ]


async def test_page_that_cannot_be_read_delays_no_summary(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(**BUDGETS):
        await harness.handle(*flood(4))
        await settle(harness, "summary", 1)
        await harness.handle(*flood(3))
        await until(lambda: page_states(harness), lambda states: states["held_back"] == 3)
        await harness.execute(
            "UPDATE notifications SET content = '[]' WHERE notification_id ="
            " (SELECT min(notification_id::text)::uuid FROM notifications"
            " WHERE state = 'held_back')"
        )
        harness.advance(MINUTE)
        await until(lambda: page_states(harness), lambda states: states["grouped"] == 3)
    assert await page_states(harness) == {"sent": 3, "grouped": 3, "failed": 1}
    assert len(await harness.rows("SELECT * FROM dead_letters")) == 1
