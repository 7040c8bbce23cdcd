"""What customers, representatives and supervisors do, each contact by its number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from random import Random
from typing import Any

import httpx

from chaos.system import Clients
from common.core.backoff import pause

PLEA = "This is no use. Let me talk to your supervisor!"
# Of this topic more come than there are places: some wait for long.
SCARCE = ("returns",)
# Where contacts linger, one of so many is never settled.
LEFT_OPEN = 20
POLL_S = 0.02
# After a hindrance no more comes at once than in this time.
MAX_CATCH_UP_S = 1
CHANNELS = ("call", "email", "chat", "ticket", "case")


@dataclass
class Load:
    """Contacts that come one after another, whatever became of those before them.

    `accepted` are the contacts that were answered 2xx, by their idempotency key. `waiting` says of
    each contact that was offered and is not placed yet when that was, by the loop's clock; where
    nothing measures throughput, acceptance is enough. No more than `backlog` wait at any time: a
    machine that is slow, or a service that is down, holds the load back.

    With `linger_s` most contacts are settled that many seconds after they came, so that the load
    can go on for any time.
    """

    clients: Clients
    per_second: float = 1
    seed: int = 2026
    linger_s: float | None = None
    backlog: int = 100
    is_measured: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    accepted: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    async def play(self, group: asyncio.TaskGroup, contacts: int | None = None) -> None:
        """Offer contacts at random moments, until there are so many or the load is stopped.

        What becomes of each contact is a task of the group.
        """
        random = Random(self.seed)
        clock = asyncio.get_running_loop().time
        at = clock()
        for _ in count() if contacts is None else range(contacts):
            await self._wait_for_room(self.backlog)
            if self.stopping.is_set():
                return
            self._offer(group)
            # What could not be offered in time is not made up for.
            at = max(at, clock() - MAX_CATCH_UP_S) + random.expovariate(self.per_second)
            await asyncio.sleep(max(0.0, at - clock()))

    async def play_closed_loop(self, group: asyncio.TaskGroup, concurrent: int) -> None:
        """Keep `concurrent` contacts waiting until the load is stopped or this is cancelled."""
        while not self.stopping.is_set():
            await self._wait_for_room(concurrent)
            self._offer(group)

    def _offer(self, group: asyncio.TaskGroup) -> None:
        number = next(self._numbers)
        if _kind(number).topic not in SCARCE:
            self.waiting[_key(number)] = asyncio.get_running_loop().time()
        group.create_task(self._contact(number))

    async def _wait_for_room(self, backlog: int) -> None:
        while (  # noqa: ASYNC110 - whoever measures takes them out of `waiting`
            len(self.waiting) >= backlog and not self.stopping.is_set()
        ):
            await asyncio.sleep(POLL_S)

    async def _contact(self, number: int) -> None:
        kind = _kind(number)
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
        answer = await self.clients.call("shop", "intake", "POST", "/contacts", body, key)
        assert answer.is_success, answer.text
        self.accepted[key] = answer.json()["contact_id"]
        if not self.is_measured:
            self.waiting.pop(key, None)
        await kind.then(self.clients, self.accepted[key])
        await self._linger(number, self.accepted[key])

    async def _linger(self, number: int, contact_id: str) -> None:
        if self.linger_s is None or number % LEFT_OPEN == 0:
            return
        if not await pause(self.linger_s, self.stopping):
            await resolve(self.clients, contact_id)


def _kind(number: int) -> "Kind":
    return KINDS[number % len(KINDS)]


def _key(number: int) -> str:
    return f"contact-{number}"


async def nothing(_clients: Clients, _contact_id: str) -> None:
    """The contact waits."""


async def asks(clients: Clients, contact_id: str) -> None:
    """The customer asks for someone higher."""
    await write(clients, "shop", contact_id, "customer", PLEA)


async def resolves(clients: Clients, contact_id: str) -> None:
    """The representative answers and settles it."""
    await write(clients, "rita", contact_id, "representative", "It is on its way.")
    await resolve(clients, contact_id)


async def resolve(clients: Clients, contact_id: str) -> None:
    path = f"/contacts/{contact_id}/resolve"
    done_or_late(await clients.call("rita", "intake", "POST", path, {}))


async def resolves_and_hears_again(clients: Clients, contact_id: str) -> None:
    """The customer writes to a contact that was resolved, and asks for someone higher."""
    await resolves(clients, contact_id)
    await asks(clients, contact_id)


async def refers(clients: Clients, contact_id: str) -> None:
    """The representative refers it as soon as it is assigned."""
    path, reason = f"/assignments/{contact_id}/refer", {"reason": "Above my limit."}
    while True:
        answer = await clients.call("ops", "router", "POST", path, reason)
        if answer.is_success or answer.json().get("state") == "assigned":
            return  # or referred already: the first answer was lost
        await asyncio.sleep(0.3)


async def write(clients: Clients, who: str, contact_id: str, author: str, text: str) -> None:
    path, body = f"/contacts/{contact_id}/messages", {"author": author, "text": text}
    done_or_late(await clients.call(who, "intake", "POST", path, body, f"{author}-{contact_id}"))


def done_or_late(answer: httpx.Response) -> None:
    """It was done, or somebody else was first, which may have been our own call without answer."""
    assert answer.is_success or answer.status_code == HTTPStatus.CONFLICT, answer.text


@dataclass(frozen=True)
class Kind:
    topic: str = "billing"
    text: str | None = None
    then: Callable[[Clients, str], Awaitable[None]] = nothing


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


async def work_escalations(clients: Clients, done: asyncio.Event) -> None:
    """A supervisor works the list of what waits upstairs, and leaves some of it to climb."""
    seen: set[str] = set()
    while not done.is_set():
        path = "/escalations?state=raised&limit=50"
        answer = await clients.call("sara", "escalation", "GET", path)
        for escalation in answer.json()["items"]:
            if escalation["escalation_id"] not in seen:
                seen.add(escalation["escalation_id"])
                await _take(clients, escalation, len(seen))
        await asyncio.sleep(0.5)


async def _take(clients: Clients, escalation: dict[str, Any], turn: int) -> None:
    """Of six: one resolved, one handed back, one acknowledged, the others left alone."""
    steps: dict[int, list[tuple[str, dict[str, str] | None]]] = {
        0: [("take-over", None), ("resolve", {"outcome": "refund", "note": "Refunded."})],
        1: [("take-over", None), ("hand-back", {"guidance": "Offer one month free."})],
        2: [("acknowledge", None)],
    }
    for step, body in steps.get(turn % 6, []):
        path = f"/escalations/{escalation['escalation_id']}/{step}"
        done_or_late(await clients.call("sara", "escalation", "POST", path, body))
