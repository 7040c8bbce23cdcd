"""Open escalations, and changes of them at a steady rate."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from bench import traffic
from bench.console.leaders import ACTOR
from bench.load import Post
from bench.testbed import CONTACTS, Testbed, posts
from common.contracts.escalations import EscalationRaised
from common.core.clock import TimeSource, monotonic

_CONCURRENCY: Final = 16
_UNHELD: Final = "SELECT count(*) FROM escalation.escalations WHERE state = 'raised'"
_NOTE: Final = {"text": "The second charge was ours."}
_PAGE: Final = 200


class Change(NamedTuple):
    """`at` is when it was asked for, in seconds since the epoch: the event is a little younger."""

    escalation_id: str
    version: int
    at: float


async def raise_escalations(testbed: Testbed, count: int) -> None:
    """Let so many customers ask for a supervisor."""
    bodies = traffic.contacts(count, testbed.random)
    target, generator = testbed.intake_target, testbed.generator
    load = await generator.closed_loop(target, posts(bodies), _CONCURRENCY)
    contact_ids = [post.contact_id for post in load.sent]
    await testbed.wait_until_tracked(contact_ids)
    requests = [
        Post(f"{CONTACTS}/{contact_id}/request-supervisor", b'{"quote": "Your supervisor!"}')
        for contact_id in contact_ids
    ]
    await generator.closed_loop(target, requests, _CONCURRENCY)
    await testbed.topics.wait_for_all(EscalationRaised, contact_ids)


async def ensure_raised(testbed: Testbed, count: int) -> None:
    """Raise as many escalations as are missing of those that nobody holds."""
    missing = count - await testbed.fetch(_UNHELD)
    if missing > 0:
        await raise_escalations(testbed, missing)


async def raised_ids(testbed: Testbed, count: int) -> list[str]:
    """Return the ids of the newest escalations that nobody holds."""
    ids: list[str] = []
    cursor = ""
    while len(ids) < count and cursor is not None:
        query = f"?state=raised&sort=newest&limit={_PAGE}" + (f"&cursor={cursor}" if cursor else "")
        page = await testbed.actors.call(ACTOR, "escalation", "GET", f"/escalations{query}")
        ids += [escalation["escalation_id"] for escalation in page["items"]]
        cursor = page["next_cursor"]
    return ids[:count]


async def add_notes(testbed: Testbed, escalation_id: str, count: int) -> None:
    for _ in range(count):
        await _act(testbed, escalation_id, "note", _NOTE)


async def change_rows(
    testbed: Testbed, escalation_ids: Sequence[str], *, rate: float, seconds: float
) -> list[Change]:
    """Act on random escalations at a steady rate: each is acknowledged, and then gets notes.

    A note renews the lease of the holder, so the row has another time left and another place.
    """
    held: set[str] = set()
    changes: list[Change] = []

    async def change(escalation_id: str, name: str) -> None:
        changes.append(await _act(testbed, escalation_id, name, _NOTE if name == "note" else None))

    due = monotonic()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(round(rate * seconds)):
            escalation_id = testbed.random.choice(escalation_ids)
            tasks.create_task(change(escalation_id, _next_action(escalation_id, held)))
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - monotonic()))
    return changes


def _next_action(escalation_id: str, held: set[str]) -> str:
    if escalation_id in held:
        return "note"
    held.add(escalation_id)
    return "acknowledge"


async def _act(testbed: Testbed, escalation_id: str, name: str, body: Any) -> Change:
    at = TimeSource().utc_now().timestamp()
    path = f"/escalations/{escalation_id}/{name}"
    answer = await testbed.actors.call(ACTOR, "escalation", "POST", path, body)
    return Change(escalation_id, answer["version"], at)
