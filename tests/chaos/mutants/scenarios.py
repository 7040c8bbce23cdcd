"""What customers and supervisors do while a mutant runs: a few contacts of chosen kinds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from chaos.load import (
    PLEA,
    ContactKind,
    ask_for_supervisor,
    reply_and_resolve,
    require_done_or_conflict,
    write_message,
)
from chaos.system import Clients

_BETWEEN_S = 0.025
_POLL_S = 0.05


@dataclass(frozen=True)
class Scenario:
    """Offers this many contacts, of these kinds in turn."""

    kinds: Sequence[ContactKind]
    contacts: int = 12

    async def play(self, clients: Clients, name: str) -> dict[str, str]:
        """Return the accepted contacts by their keys; `name` makes the keys unique."""
        accepted: dict[str, str] = {}
        async with asyncio.TaskGroup() as group:
            for number, kind in zip(range(self.contacts), cycle(self.kinds), strict=False):
                group.create_task(_offer(clients, f"{name}-{number}", kind, accepted))
                await asyncio.sleep(_BETWEEN_S)
        return accepted


async def _offer(clients: Clients, key: str, kind: ContactKind, accepted: dict[str, str]) -> None:
    body = {
        "channel": "chat",
        "customer": {"customer_id": key},
        "subject": "Where is it?",
        "topic": kind.topic,
        "text": kind.text,
    }
    answer = await clients.call("shop", "intake", "POST", "/contacts", body, key)
    assert answer.is_success, answer.text
    accepted[key] = answer.json()["contact_id"]
    await kind.then(clients, accepted[key])


async def ask_and_answer(clients: Clients, contact_id: str) -> None:
    await ask_for_supervisor(clients, contact_id)
    await write_message(clients, "sara", contact_id, "representative", "She will call you.")


async def acknowledge_twice_at_once(clients: Clients, contact_id: str) -> None:
    """Two people acknowledge the same escalation at the same moment."""
    await ask_for_supervisor(clients, contact_id)
    path = f"/escalations/{await _escalation(clients, contact_id)}/acknowledge"
    async with asyncio.TaskGroup() as group:
        for caller in ("sara", "marco"):
            group.create_task(_act_on(clients, caller, path))


async def ask_and_hand_back(clients: Clients, contact_id: str) -> None:
    await ask_for_supervisor(clients, contact_id)
    path = f"/escalations/{await _escalation(clients, contact_id)}"
    await _act_on(clients, "sara", f"{path}/take-over")
    await _act_on(clients, "sara", f"{path}/hand-back", {"guidance": "Offer one month free."})


async def _escalation(clients: Clients, contact_id: str) -> str:
    while True:
        path = "/escalations?state=raised&limit=200"
        answer = await clients.call("sara", "escalation", "GET", path)
        for escalation in answer.json()["items"]:
            if escalation["contact_id"] == contact_id:
                escalation_id: str = escalation["escalation_id"]
                return escalation_id
        await asyncio.sleep(_POLL_S)


async def _act_on(
    clients: Clients, caller: str, path: str, body: dict[str, str] | None = None
) -> None:
    require_done_or_conflict(await clients.call(caller, "escalation", "POST", path, body))


ARRIVALS = Scenario((ContactKind("shipping"), ContactKind("billing", "I was charged twice.")))
SUPERVISOR_REQUESTS = Scenario(
    (ContactKind(text=PLEA), ContactKind("shipping", then=ask_for_supervisor), ContactKind())
)
# The request is a message of its own, so the others need not wait for its transaction.
LATER_SUPERVISOR_REQUESTS = Scenario(
    (ContactKind("shipping", then=ask_and_answer), ContactKind(), ContactKind("shipping")), 15
)
SHORT_CLOCKS = Scenario(
    (
        ContactKind("urgent"),
        ContactKind("urgent", then=reply_and_resolve),
        ContactKind(text=PLEA),
        ContactKind("shipping", then=acknowledge_twice_at_once),
    )
)
# More returns and shipments than the representatives have slots for at first.
SCARCE_REPRESENTATIVES = Scenario(
    (
        ContactKind("returns"),
        *[ContactKind("shipping")] * 3,
        ContactKind("billing", then=ask_and_hand_back),
    ),
    30,
)
