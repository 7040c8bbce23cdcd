"""What customers, representatives and supervisors do; a contact's number decides its kind."""

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
# More contacts of these topics come than representatives have slots for: some wait long.
SCARCE = ("returns",)
# With `linger_s`, one contact in this many is never resolved.
LEFT_OPEN = 20
POLL_S = 0.02
# After a delay, at most the offers of this time come at once.
MAX_CATCH_UP_S = 1
CHANNELS = ("call", "email", "chat", "ticket", "case")


@dataclass
class Load:
    """Offers contacts at a steady rate, whatever happens to the earlier ones.

    `accepted` has the contacts that were answered 2xx, by idempotency key. `waiting` has the time
    of each offer, by the loop's clock, until the contact is placed; if nothing measures
    throughput, until it is accepted. At most `backlog` contacts wait: a slow machine or a stopped
    service slows the load down.

    With `linger_s` most contacts are resolved that many seconds after they were offered, so that
    the load can run for any time.
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
        """Offer contacts at random intervals until the load is stopped, or this many.

        Each contact is a task of the group.
        """
        random = Random(self.seed)
        clock = asyncio.get_running_loop().time
        at = clock()
        for _ in count() if contacts is None else range(contacts):
            await self._wait_for_room(self.backlog)
            if self.stopping.is_set():
                return
            self._offer(group)
            # Offers missed during a longer delay are dropped.
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
        while (  # noqa: ASYNC110 - the measurement removes them from `waiting`
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
            await resolve_contact(self.clients, contact_id)


def _kind(number: int) -> "ContactKind":
    return KINDS[number % len(KINDS)]


def _key(number: int) -> str:
    return f"contact-{number}"


async def do_nothing(_clients: Clients, _contact_id: str) -> None:
    """The contact waits."""


async def ask_for_supervisor(clients: Clients, contact_id: str) -> None:
    """The customer asks for a supervisor."""
    await write_message(clients, "shop", contact_id, "customer", PLEA)


async def reply_and_resolve(clients: Clients, contact_id: str) -> None:
    """A supervisor replies and resolves the contact: a representative may not have it yet."""
    await write_message(clients, "sara", contact_id, "representative", "It is on its way.")
    await resolve_contact(clients, contact_id)


async def resolve_contact(clients: Clients, contact_id: str) -> None:
    path = f"/contacts/{contact_id}/resolve"
    require_done_or_conflict(await clients.call("sara", "intake", "POST", path, {}))


async def resolve_and_ask_again(clients: Clients, contact_id: str) -> None:
    """The customer asks for a supervisor after the contact was resolved."""
    await reply_and_resolve(clients, contact_id)
    await ask_for_supervisor(clients, contact_id)


async def refer_when_assigned(clients: Clients, contact_id: str) -> None:
    """The representative refers it as soon as it is assigned."""
    path, reason = f"/assignments/{contact_id}/refer", {"reason": "Above my limit."}
    while True:
        answer = await clients.call("ops", "router", "POST", path, reason)
        if answer.is_success or answer.json().get("state") == "assigned":
            return  # an earlier call, whose answer was lost, referred it
        await asyncio.sleep(0.3)


async def write_message(
    clients: Clients, caller: str, contact_id: str, author: str, text: str
) -> None:
    path, body = f"/contacts/{contact_id}/messages", {"author": author, "text": text}
    require_done_or_conflict(
        await clients.call(caller, "intake", "POST", path, body, f"{author}-{contact_id}")
    )


def require_done_or_conflict(answer: httpx.Response) -> None:
    """A conflict is fine: somebody else, or an earlier call without an answer, came first."""
    assert answer.is_success or answer.status_code == HTTPStatus.CONFLICT, answer.text


@dataclass(frozen=True)
class ContactKind:
    topic: str = "billing"
    text: str | None = None
    then: Callable[[Clients, str], Awaitable[None]] = do_nothing


# In turn: every forty contacts include all of these.
KINDS = (
    ContactKind("urgent"),
    ContactKind("urgent", "Where is my refund?"),
    ContactKind("urgent", then=reply_and_resolve),
    ContactKind(text=PLEA),
    ContactKind("shipping", then=ask_for_supervisor),
    ContactKind(then=refer_when_assigned),
    ContactKind(then=resolve_and_ask_again),
    *[ContactKind("returns"), ContactKind("returns", then=reply_and_resolve)] * 2,
    *[ContactKind("shipping", "When does my parcel come?", reply_and_resolve)] * 4,
    *[ContactKind("shipping", "Where is my parcel?")] * 10,
    *[ContactKind("billing", "I was charged twice.")] * 15,
)


async def work_escalations(clients: Clients, done: asyncio.Event) -> None:
    """A supervisor works the list of raised escalations, and lets some of them climb."""
    handled_ids: set[str] = set()
    while not done.is_set():
        path = "/escalations?state=raised&limit=50"
        answer = await clients.call("sara", "escalation", "GET", path)
        for escalation in answer.json()["items"]:
            if escalation["escalation_id"] not in handled_ids:
                handled_ids.add(escalation["escalation_id"])
                await _work_escalation(clients, escalation, len(handled_ids))
        await asyncio.sleep(0.5)


async def _work_escalation(clients: Clients, escalation: dict[str, Any], turn: int) -> None:
    """Of six, resolve one, hand one back and acknowledge one; leave the others."""
    steps: dict[int, list[tuple[str, dict[str, str] | None]]] = {
        0: [("take-over", None), ("resolve", {"outcome": "apology", "note": "Explained."})],
        1: [("take-over", None), ("hand-back", {"guidance": "Offer one month free."})],
        2: [("acknowledge", None)],
    }
    for step, body in steps.get(turn % 6, []):
        path = f"/escalations/{escalation['escalation_id']}/{step}"
        require_done_or_conflict(await clients.call("sara", "escalation", "POST", path, body))
