"""Time from a raised escalation until its page reaches Slack."""

import asyncio
import re
from collections.abc import Sequence

from bench import traffic
from bench.load import Post
from bench.summary import Figures, quantiles_ms
from bench.testbed import CONTACTS, Testbed, posts
from bench.topics import LostEventError
from common.contracts.escalations import EscalationRaised
from common.core.clock import monotonic

TIMEOUT_S = 60
CONCURRENCY = 16
# The first pages of a process open its connections and plan its statements.
WARM_UP = 20

# The page quotes the customer, so the quote can identify the contact.
_QUOTE = "Your supervisor, please, about {contact_id}."
_QUOTED = re.compile(r"please, about ([0-9a-f-]{36})\.")


async def latency(testbed: Testbed, count: int, rate: int) -> Figures:
    """Let `count` customers ask for a supervisor; each supervisor gets Slack and e-mail."""
    first_waits = await _waits(testbed, WARM_UP, rate)
    waits = await _waits(testbed, count, rate)
    return {
        "escalations": len(waits),
        "escalation_rate_per_s": rate,
        "escalation_to_first_page_ms": 1e3 * first_waits[0],
        **quantiles_ms("escalation_to_page", waits),
    }


async def _waits(testbed: Testbed, count: int, rate: int) -> list[float]:
    """Return the seconds from each escalation until Slack has its page, in order."""
    times = traffic.arrivals(rate, -(-count // rate), testbed.random)[:count]
    bodies = traffic.contacts(len(times), testbed.random)
    load = await testbed.generator.closed_loop(testbed.intake_target, posts(bodies), CONCURRENCY)
    contact_ids = [post.contact_id for post in load.sent]
    await testbed.wait_until_tracked(contact_ids)
    await testbed.generator.open_loop(
        testbed.intake_target, [_request(contact_id) for contact_id in contact_ids], times
    )
    raised = await testbed.topics.wait_for_all(EscalationRaised, contact_ids)
    arrived_at = await _arrivals(testbed, contact_ids)
    return [
        arrived_at[contact_id] - arrival.event(EscalationRaised).occurred_at.timestamp()
        for contact_id, arrival in zip(contact_ids, raised, strict=True)
    ]


def _request(contact_id: str) -> Post:
    quote = _QUOTE.format(contact_id=contact_id)
    return Post(f"{CONTACTS}/{contact_id}/request-supervisor", b'{"quote": "%s"}' % quote.encode())


async def _arrivals(testbed: Testbed, contact_ids: Sequence[str]) -> dict[str, float]:
    """Return when Slack first got a message about each contact; waits until it has them all."""
    deadline = monotonic() + TIMEOUT_S
    while missing := set(contact_ids) - (arrived_at := _slack_arrivals(testbed)).keys():
        if monotonic() > deadline:
            message = f"Slack has nothing about {len(missing)} of {len(contact_ids)} escalations"
            raise LostEventError(message)
        await asyncio.sleep(0.1)
    return arrived_at


def _slack_arrivals(testbed: Testbed) -> dict[str, float]:
    arrived_at: dict[str, float] = {}
    for call in testbed.system.receivers.slack.requests:
        for contact_id in _QUOTED.findall(str(call.body)):
            arrived_at.setdefault(contact_id, call.at.timestamp())
    return arrived_at
