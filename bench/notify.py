"""One notifier process: how fast and how quietly people are told, also if a system hangs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

import msgspec

import devstack
from bench.escalation_testbed import EscalationTestbed
from bench.summary import Figures, quantiles_ms, ranked
from bench.topics import LostEventError, read_topics
from common.contracts.escalations import PageRequested, Severity
from common.core.clock import TimeSource, monotonic
from common.core.ids import new_id
from devstack.receivers import HANGS, OK, SlackCall
from stage.actors import Actors
from stage.system import Replica, System, open_receivers

RATE = 50
TIMEOUT_S = 120
# The second summary of a burst comes a minute after the first.
BURST_S = 75
CONSOLE = {"UPSTAIRS_CONSOLE_URL": "https://console.example.com"}
DEFAULT_BUDGETS = {
    "UPSTAIRS_RECIPIENT_BUDGET": "5",
    "UPSTAIRS_BURST_BUDGET": "2",
    **CONSOLE,
}
_PUT_RECIPIENTS = """
    INSERT INTO notifier.recipients (person_id, name, media, link_epoch, time_zone, devices)
    SELECT 'p' || n, 'P', jsonb_build_array(
        jsonb_build_object('medium', 'slack', 'details',
            jsonb_build_object('channel', 'D' || n, 'user_id', 'U' || n)),
        jsonb_build_object('medium', 'email', 'details',
            jsonb_build_object('address', 'p' || n || '@example.com'))), 1, 'UTC', '[]'
    FROM generate_series(1, $1::integer) AS n
"""


async def figures(stack: devstack.Stack, *, recipients: int, burst: int, pages: int) -> Figures:
    async with _open_notifier(stack, {}, recipients) as testbed:
        result = await _many_recipients(testbed, recipients)
        result |= await _hanging_provider(testbed, pages)
    async with _open_notifier(stack, DEFAULT_BUDGETS, 1) as testbed:
        return result | await _burst(testbed, burst)


async def _many_recipients(testbed: EscalationTestbed, recipients: int) -> Figures:
    """Notify so many people of one event each, on Slack and by mail."""
    begun = monotonic()
    await testbed.publish(_page(f"p{n}") for n in range(1, recipients + 1))
    slack, mail = testbed.system.receivers.slack, testbed.system.receivers.mail
    await _wait(lambda: min(len(slack.requests), len(mail.messages)) >= recipients)
    return {f"notifications_{recipients}_recipients_s": monotonic() - begun}


async def _hanging_provider(testbed: EscalationTestbed, pages: int) -> Figures:
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


async def _mail_waits(testbed: EscalationTestbed, count: int) -> list[float]:
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
    await _wait(lambda: len(mail.messages) >= before + count)
    arrived = zip(mail.messages[before:], mail.arrivals[before:], strict=True)
    return [
        (at - requested[str(message["References"]).strip("<>").partition("@")[0]]).total_seconds()
        for message, at in arrived
    ]


async def _burst(testbed: EscalationTestbed, count: int) -> Figures:
    """Let so many escalations need one person within a few seconds."""
    severities: Sequence[Severity] = get_args(Severity)[:-1]
    # The most urgent one comes in the middle.
    pages = [_page("p1", severities[n % len(severities)]) for n in range(count)]
    urgent = _page("p1", "critical", "Urgent Ursula")
    await testbed.publish(pages[: count // 2])
    urgent = msgspec.structs.replace(urgent, occurred_at=TimeSource().utc_now())
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


async def _wait(is_done: Callable[[], bool]) -> None:
    deadline = monotonic() + TIMEOUT_S
    while not is_done():
        if monotonic() > deadline:
            raise LostEventError("a message did not arrive")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _open_notifier(
    stack: devstack.Stack, settings: Mapping[str, str], recipients: int
) -> AsyncIterator[EscalationTestbed]:
    actors, logs = Actors(), Path(mkdtemp(prefix="upstairs-bench-"))
    environment = {"UPSTAIRS_LOG_LEVEL": "error", **settings}
    async with open_receivers() as receivers:
        system = System(stack, receivers, actors.api_keys, logs, extra_environment=environment)
        await system.set_up()
        try:
            system.launch_replica(Replica("notifier"))
            await system.wait_ready()
            actors.connect(system)
            async with read_topics(system) as topics:
                testbed = EscalationTestbed(stack, system, actors, topics)
                await testbed.fetch(_PUT_RECIPIENTS, recipients)
                # The first messages open connections.
                await testbed.publish(_page("p1") for _ in range(1 if settings else 20))
                await _wait(lambda: bool(receivers.slack.requests and receivers.mail.messages))
                await asyncio.sleep(6 if settings else 2)
                receivers.slack.requests.clear()
                receivers.mail.messages.clear()
                receivers.mail.arrivals.clear()
                yield testbed
        finally:
            await actors.close()
            system.stop()
