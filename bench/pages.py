"""How long after an escalation is raised its page reaches Slack."""

import asyncio
import re
from collections.abc import Sequence

from bench import traffic
from bench.ground import CONTACTS, Ground, posts
from bench.load import Post
from bench.summary import Figures, quantiles_ms
from bench.topics import LostError
from common.contracts.escalations import EscalationRaised
from common.core.clock import monotonic

PATIENCE_S = 60
ASKING = 16

# The customer's words come to the supervisor, so they can carry what tells the pages apart.
_QUOTE = "Your supervisor, please, about {contact_id}."
_QUOTED = re.compile(r"please, about ([0-9a-f-]{36})\.")


async def latency(ground: Ground, count: int, rate: int) -> Figures:
    """Let `count` customers ask for a supervisor, each of whom gets Slack and e-mail."""
    times = traffic.arrivals(rate, -(-count // rate), ground.random)[:count]
    bodies = traffic.contacts(len(times), ground.random)
    load = await ground.generator.closed(ground.intake, posts(bodies), ASKING)
    asked = [one.contact_id for one in load.sent]
    await ground.safe(asked)
    await ground.generator.open(ground.intake, [_request(one) for one in asked], times)
    raised = await ground.topics.all(EscalationRaised, asked)
    arrived_at = await _arrivals(ground, asked)
    waits = [
        arrived_at[contact_id] - one.event(EscalationRaised).occurred_at.timestamp()
        for contact_id, one in zip(asked, raised, strict=True)
    ]
    return {
        "escalations": len(waits),
        "escalation_rate_per_s": rate,
        **quantiles_ms("escalation_to_page", waits),
    }


def _request(contact_id: str) -> Post:
    quote = _QUOTE.format(contact_id=contact_id)
    return Post(f"{CONTACTS}/{contact_id}/request-supervisor", b'{"quote": "%s"}' % quote.encode())


async def _arrivals(ground: Ground, contact_ids: Sequence[str]) -> dict[str, float]:
    """Wait until Slack has a message about each contact; return when it first had one."""
    deadline = monotonic() + PATIENCE_S
    while missing := set(contact_ids) - (arrived_at := _arrived(ground)).keys():
        if monotonic() > deadline:
            message = f"Slack has nothing about {len(missing)} of {len(contact_ids)} escalations"
            raise LostError(message)
        await asyncio.sleep(0.1)
    return arrived_at


def _arrived(ground: Ground) -> dict[str, float]:
    arrived_at: dict[str, float] = {}
    for posted in ground.system.outside.slack.requests:
        for contact_id in _QUOTED.findall(str(posted.body)):
            arrived_at.setdefault(contact_id, posted.at.timestamp())
    return arrived_at
