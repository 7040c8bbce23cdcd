"""One notifier process: how fast and how quietly people are told, also if a system hangs."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

import devstack
from bench.notifier_testbed import SIGNED_TOGETHER, TIMEOUT_S, open_notifier
from bench.service_testbed import ServiceTestbed
from bench.summary import Figures, quantiles_ms, ranked
from bench.topics import LostEventError
from bench.waiting import wait_until
from common.contracts.escalations import SEVERITIES, PageRequested, Severity
from common.contracts.event import PageId, PersonId
from common.core.clock import TimeSource, monotonic
from common.core.ids import new_id
from devstack.receivers import HANGS, OK, SlackCall

RATE = 50
# The second summary of a burst comes a minute after the first.
BURST_S = 75
CONSOLE = {"UPSTAIRS_CONSOLE_URL": "https://console.example.com"}
DEFAULT_BUDGETS = {
    "UPSTAIRS_RECIPIENT_BUDGET": "5",
    "UPSTAIRS_BURST_BUDGET": "2",
    **CONSOLE,
}


async def figures(stack: devstack.Stack, *, recipients: int, burst: int, pages: int) -> Figures:
    async with open_notifier(stack, {}, recipients) as testbed:
        await _warm_up(testbed, 20, pause_s=2)
        result = await _one_event(testbed, recipients)
        result |= await _hanging_provider(testbed, pages)
    async with open_notifier(stack, DEFAULT_BUDGETS, 1) as testbed:
        # Longer than a burst, so that the next pages begin one.
        await _warm_up(testbed, 1, pause_s=6)
        return result | await _burst(testbed, burst)


async def _warm_up(testbed: ServiceTestbed, pages: int, pause_s: float) -> None:
    """Let the first messages open connections."""
    receivers = testbed.system.receivers
    await testbed.publish(_page("p1") for _ in range(pages))
    await wait_until(lambda: bool(receivers.slack.requests and receivers.mail.messages), TIMEOUT_S)
    await asyncio.sleep(pause_s)
    receivers.slack.requests.clear()
    receivers.mail.messages.clear()
    receivers.mail.arrivals.clear()


async def _one_event(testbed: ServiceTestbed, recipients: int) -> Figures:
    """Notify so many people of one escalation, each on Slack and by mail."""
    page = _page("p1")
    pages = [
        msgspec.structs.replace(page, page_id=PageId(new_id()), person_id=PersonId(f"p{n}"))
        for n in range(1, recipients + 1)
    ]
    process = testbed.process
    used, begun = process.cpu_seconds(), monotonic()
    await testbed.publish(pages, signed_together=SIGNED_TOGETHER)
    slack, mail = testbed.system.receivers.slack, testbed.system.receivers.mail
    await wait_until(lambda: min(len(slack.requests), len(mail.messages)) >= recipients, TIMEOUT_S)
    return {
        f"notifications_{recipients}_recipients_s": monotonic() - begun,
        f"notifications_{recipients}_recipients_cpu_s_notifier": process.cpu_seconds() - used,
    }


async def _hanging_provider(testbed: ServiceTestbed, pages: int) -> Figures:
    """Compare mail while Slack hangs with mail while Slack works; pages use both."""
    slack = testbed.system.receivers.slack
    works = await _mail_waits(testbed, pages)
    slack.otherwise = HANGS
    hangs = await _mail_waits(testbed, pages)
    slack.otherwise = OK
    ratio = ranked(hangs, 0.99) / ranked(works, 0.99)
    return {
        **quantiles_ms("page_requested_to_mail", works),
        **quantiles_ms("page_requested_to_mail_slack_hangs", hangs),
        "hanging_provider_p99_ratio": ratio,
    }


async def _mail_waits(testbed: ServiceTestbed, count: int) -> list[float]:
    """Return the seconds from the request of a page to its mail, at a steady rate."""
    mail = testbed.system.receivers.mail
    before = len(mail.arrivals)
    requested: dict[str, datetime] = {}

    def requests() -> Iterator[PageRequested]:
        for _ in range(count):
            page = _page("p1")
            requested[f"escalation-{page.escalation_id}"] = page.occurred_at
            yield page

    await testbed.publish(requests(), 1 / RATE)
    await wait_until(lambda: len(mail.messages) >= before + count, TIMEOUT_S)
    arrived = zip(mail.messages[before:], mail.arrivals[before:], strict=True)
    return [
        (at - requested[str(message["References"]).strip("<>").partition("@")[0]]).total_seconds()
        for message, at in arrived
    ]


async def _burst(testbed: ServiceTestbed, count: int) -> Figures:
    """Let so many escalations need one person within a few seconds."""
    severities = SEVERITIES[:-1]
    # The most urgent one comes in the middle.
    pages = [_page("p1", severities[n % len(severities)]) for n in range(count)]
    await testbed.publish(pages[: count // 2])
    urgent = _page("p1", "critical", "Urgent Ursula")
    await testbed.publish([urgent, *pages[count // 2 :]])
    await asyncio.sleep(BURST_S)
    posts = testbed.system.receivers.slack.requests
    shown = next((post.at for post in posts if "Ursula" in str(post.body)), None)
    if shown is None:
        raise LostEventError("Slack has nothing about the most urgent escalation")
    (waiting,) = await testbed.fetch(
        "SELECT count(*) FROM notifier.notifications"
        " WHERE state NOT IN ('sent', 'grouped') AND kind = 'page'"
    )
    if waiting[0]:
        raise LostEventError(f"{waiting[0]} pages of the burst are in no message")
    return {
        f"burst_{count}_escalations_messages_to_one_person": len(_messages(posts)),
        f"burst_{count}_escalations_mails_to_one_person": len(
            testbed.system.receivers.mail.messages
        ),
        "burst_most_urgent_ms": 1000 * (shown - urgent.occurred_at).total_seconds(),
    }


def _messages(posts: Sequence[SlackCall]) -> list[SlackCall]:
    return [post for post in posts if post.method == "chat.postMessage"]


def _page(person: str, severity: Severity = "high", customer: str = "Ada") -> PageRequested:
    now = TimeSource().utc_now()
    fields: dict[str, Any] = {
        "contact_id": new_id(),
        "occurred_at": now,
        "page_id": new_id(),
        "person_id": person,
        "reason": "raised",
        "escalation_id": new_id(),
        "severity": severity,
        "level_name": "supervisors",
        "respond_by": now + timedelta(minutes=10),
        "contact": {
            "channel": "chat",
            "topic": "billing",
            "subject": "Wrong invoice",
            "priority": "high",
            "language": "en",
            "tier": "standard",
            "customer_name": customer,
            "customer_id": new_id(),
            # As if each came another way: the budget of a channel is not what is measured.
            "received_from": new_id(),
            "representative_id": "rui",
        },
        "causes": [{"cause": "breach", "reason": "No reply within 10 min", "at": now}],
    }
    return msgspec.convert(fields, PageRequested)
