"""What customers, representatives and supervisors do, each contact by its number."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

import httpx

from chaos.world import Callers
from common.core.backoff import pause

PLEA = "This is no use. Let me talk to your supervisor!"
# Of this topic more come than there are places: some wait for long.
SCARCE = ("returns",)
# Where contacts linger, one of so many is never settled.
LEFT_OPEN = 20
CHANNELS = ("call", "email", "chat", "ticket", "case")


@dataclass
class Load:
    """`accepted` are the contacts that were answered 2xx, by their idempotency key.

    `offered` says when each was to come, by the loop's clock. Where contacts are to `linger_s`,
    most are settled that many seconds after they came, so that the load can go on for ever.
    """

    callers: Callers
    contacts: int
    per_second: float
    seed: int = 2026
    linger_s: float | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: dict[str, str] = field(default_factory=dict)
    offered: dict[str, float] = field(default_factory=dict)

    async def play(self) -> None:
        """Let contacts come at their time, whatever became of those before them."""
        random = Random(self.seed)  # noqa: S311 - a spread of arrivals that can be repeated
        at = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for number in range(self.contacts):
                if self.stopping.is_set():
                    return
                if KINDS[number % len(KINDS)].topic not in SCARCE:
                    self.offered[_key(number)] = at
                group.create_task(self._contact(number))
                at += random.expovariate(self.per_second)
                await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))

    async def _contact(self, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        key = _key(number)
        body = {
            "channel": CHANNELS[number % len(CHANNELS)],
            "customer": {"customer_id": f"c-{number % 400}", "name": "Ada Lovelace"},
            "subject": f"Contact {number}",
            "topic": kind.topic,
            "language": ("en", "es")[number % 2],
            "priority": ("low", "normal", "high", "urgent")[number % 4],
            "text": kind.text,
        }
        answer = await self.callers.call("shop", "intake", "POST", "/contacts", body, key)
        assert answer.is_success, answer.text
        self.accepted[key] = answer.json()["contact_id"]
        await kind.then(self.callers, self.accepted[key])
        await self._linger(number, self.accepted[key])

    async def _linger(self, number: int, contact_id: str) -> None:
        if self.linger_s is None or number % LEFT_OPEN == 0:
            return
        if not await pause(self.linger_s, self.stopping):
            await resolve(self.callers, contact_id)


def _key(number: int) -> str:
    return f"contact-{number}"


async def nothing(_callers: Callers, _contact_id: str) -> None:
    """The contact waits."""


async def asks(callers: Callers, contact_id: str) -> None:
    """The customer asks for someone higher."""
    await write(callers, "shop", contact_id, "customer", PLEA)


async def resolves(callers: Callers, contact_id: str) -> None:
    """The representative answers and settles it."""
    await write(callers, "rita", contact_id, "representative", "It is on its way.")
    await resolve(callers, contact_id)


async def resolve(callers: Callers, contact_id: str) -> None:
    path = f"/contacts/{contact_id}/resolution"
    done_or_late(await callers.call("rita", "intake", "POST", path, {}))


async def resolves_and_hears_again(callers: Callers, contact_id: str) -> None:
    """The customer writes to a contact that was resolved, and asks for someone higher."""
    await resolves(callers, contact_id)
    await asks(callers, contact_id)


async def refers(callers: Callers, contact_id: str) -> None:
    """The representative refers it as soon as it is assigned."""
    path, reason = f"/assignments/{contact_id}/refer", {"reason": "Above my limit."}
    while True:
        answer = await callers.call("ops", "router", "POST", path, reason)
        if answer.is_success or answer.json().get("state") == "assigned":
            return  # or referred already: the first answer was lost
        await asyncio.sleep(0.3)


async def write(callers: Callers, who: str, contact_id: str, author: str, text: str) -> None:
    path, body = f"/contacts/{contact_id}/messages", {"author": author, "text": text}
    done_or_late(await callers.call(who, "intake", "POST", path, body, f"{author}-{contact_id}"))


def done_or_late(answer: httpx.Response) -> None:
    """It was done, or somebody else was first, which may have been our own call without answer."""
    assert answer.is_success or answer.status_code == HTTPStatus.CONFLICT, answer.text


@dataclass(frozen=True)
class Kind:
    topic: str = "billing"
    text: str | None = None
    then: Callable[[Callers, str], Awaitable[None]] = nothing


# In turn: every forty contacts have each of these.
KINDS = (
    Kind("urgent"),
    Kind("urgent", "Where is my refund?"),
    Kind("urgent", then=resolves),
    Kind(text=PLEA),
    Kind("shipping", then=asks),
    Kind(then=refers),
    Kind(then=resolves_and_hears_again),
    *[Kind("returns"), Kind("returns", then=resolves)] * 2,
    *[Kind("shipping", "When does my parcel come?", resolves)] * 4,
    *[Kind("shipping", "Where is my parcel?")] * 10,
    *[Kind("billing", "I was charged twice.")] * 15,
)


async def work_the_desk(callers: Callers, done: asyncio.Event) -> None:
    """A supervisor works the list of what waits upstairs, and leaves some of it to climb."""
    seen: set[str] = set()
    while not done.is_set():
        path = "/escalations?state=raised&limit=50"
        answer = await callers.call("sara", "escalation", "GET", path)
        for escalation in answer.json()["items"]:
            if escalation["escalation_id"] not in seen:
                seen.add(escalation["escalation_id"])
                await _take(callers, escalation, len(seen))
        await asyncio.sleep(0.5)


async def _take(callers: Callers, escalation: dict[str, Any], turn: int) -> None:
    """Of six: one resolved, one handed back, one acknowledged, the others left alone."""
    steps: dict[int, list[tuple[str, dict[str, str] | None]]] = {
        0: [("take-over", None), ("resolve", {"outcome": "refund", "note": "Refunded."})],
        1: [("take-over", None), ("hand-back", {"guidance": "Offer one month free."})],
        2: [("acknowledge", None)],
    }
    for step, body in steps.get(turn % 6, []):
        path = f"/escalations/{escalation['escalation_id']}/{step}"
        done_or_late(await callers.call("sara", "escalation", "POST", path, body))
