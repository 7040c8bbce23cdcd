"""A burst of pages to one person: the first go at once, the rest is one message."""

import re
from datetime import timedelta
from typing import Any

from devstack.receivers import SlackCall
from integration.notifier.conftest import CONTACT, ServiceHarness, paged
from notifier.domain.brake import MAX_PAGES_IN_SUMMARY
from support.waiting import until

DEFAULTS: dict[str, Any] = {
    "recipient_budget": 5,
    "burst_budget": 2,
    "console_url": "https://console.example.com",
}
MINUTE = timedelta(seconds=61)


async def unsent(harness: ServiceHarness) -> int:
    (row,) = await harness.rows(
        "SELECT count(*) FROM notifications WHERE state NOT IN ('sent', 'grouped')"
    )
    return int(row[0])


def pages(count: int, **changes: Any) -> list[Any]:
    contact = {**CONTACT, "customer_id": None}
    return [paged("dana", contact=contact, severity="medium", **changes) for _ in range(count)]


def texts(posts: list[SlackCall]) -> list[str]:
    return [post.body["text"] for post in posts]


async def test_storm_is_few_messages_and_says_how_many_there_are(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    # Before anything is sent: on a slow machine they would else be several bursts.
    for _ in range(10):
        await harness.handle(*pages(12))
    async with harness.delivering(**DEFAULTS):
        await until(harness.posted, lambda posts: len(posts) == 3)
        harness.advance(MINUTE)
        await until(lambda: unsent(harness), lambda count: count == 0)
    assert len(harness.posted()) <= 4
    storm = harness.posted()[-1].body
    assert re.fullmatch(r"[0-9]+ escalations need you", storm["text"])
    (link,) = [
        button["url"]
        for block in storm["blocks"]
        if block["type"] == "actions"
        for button in block["elements"]
        if button["text"]["text"] == "See them all"
    ]
    assert link == "https://console.example.com/now"
    acknowledged = str(storm["blocks"]).count("'acknowledge'")
    assert acknowledged == MAX_PAGES_IN_SUMMARY
    published = await harness.published()
    sent = {event["page_id"] for event in published if event["event"] == "notification_sent"}
    assert len(sent) == 120


async def test_first_critical_page_of_a_burst_goes_at_once(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(**DEFAULTS):
        await harness.handle(*pages(5))
        critical = paged("dana", severity="critical", contact={**CONTACT, "customer_name": "Vera"})
        await harness.handle(critical)
        await until(harness.posted, lambda posts: "Vera" in str(texts(posts)))
        states = await harness.rows(
            "SELECT state FROM notifications WHERE content->>'severity' = 'critical'"
        )
    assert "held back" not in texts(harness.posted())[2]
    assert [row.state for row in states] != ["held_back"]


async def test_pages_that_come_one_by_one_are_no_burst(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering(**DEFAULTS):
        for _ in range(4):
            await harness.handle(*pages(1))
            await until(lambda: unsent(harness), lambda count: count == 0)
            harness.advance(timedelta(seconds=6))
    assert len(harness.posted()) == 4
    assert "held back" not in str(texts(harness.posted()))


async def test_burst_on_many_methods_is_as_quiet_on_each(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana")
    await harness.handle(*pages(100))
    async with harness.delivering(**DEFAULTS):
        await until(
            lambda: [len(harness.posted()), len(harness.mail.messages)], lambda n: n == [3, 3]
        )
        # On a slow machine the first summary goes before all pages are there.
        harness.advance(MINUTE)
        await until(lambda: unsent(harness), lambda count: count == 0)
    assert len(harness.posted()) <= 4
    assert len(harness.mail.messages) <= 4
