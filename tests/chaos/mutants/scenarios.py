"""What customers and supervisors do while a mutant runs: a few contacts of chosen kinds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from chaos.load import PLEA, Kind, asks, done_or_late, resolves, write
from chaos.system import Clients

_BETWEEN_S = 0.025
_POLL_S = 0.05


@dataclass(frozen=True)
class Scenario:
    """`contacts` are offered, of these kinds in turn."""

    kinds: Sequence[Kind]
    contacts: int = 12

    async def play(self, clients: Clients, name: str) -> dict[str, str]:
        """Return the accepted contacts by their keys; `name` makes the keys unique."""
        accepted: dict[str, str] = {}
        async with asyncio.TaskGroup() as group:
            for number, kind in zip(range(self.contacts), cycle(self.kinds), strict=False):
                group.create_task(_offer(clients, f"{name}-{number}", kind, accepted))
                await asyncio.sleep(_BETWEEN_S)
        return accepted


async def _offer(clients: Clients, key: str, kind: Kind, accepted: dict[str, str]) -> None:
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


async def asks_and_is_answered(clients: Clients, contact_id: str) -> None:
    await asks(clients, contact_id)
    await write(clients, "rita", contact_id, "representative", "She will call you.")


async def two_press_at_once(clients: Clients, contact_id: str) -> None:
    """Two people acknowledge the same escalation at the same moment."""
    await asks(clients, contact_id)
    path = f"/escalations/{await _escalation(clients, contact_id)}/acknowledge"
    async with asyncio.TaskGroup() as both:
        for who in ("sara", "marco"):
            both.create_task(_press(clients, who, path))


async def is_handed_back(clients: Clients, contact_id: str) -> None:
    await asks(clients, contact_id)
    path = f"/escalations/{await _escalation(clients, contact_id)}"
    await _press(clients, "sara", f"{path}/take-over")
    await _press(clients, "sara", f"{path}/hand-back", {"guidance": "Offer one month free."})


async def _escalation(clients: Clients, contact_id: str) -> str:
    while True:
        path = "/escalations?state=raised&limit=200"
        answer = await clients.call("sara", "escalation", "GET", path)
        for escalation in answer.json()["items"]:
            if escalation["contact_id"] == contact_id:
                escalation_id: str = escalation["escalation_id"]
                return escalation_id
        await asyncio.sleep(_POLL_S)


async def _press(clients: Clients, who: str, path: str, body: dict[str, str] | None = None) -> None:
    done_or_late(await clients.call(who, "escalation", "POST", path, body))


ARRIVALS = Scenario((Kind("shipping"), Kind("billing", "I was charged twice.")))
PLEAS = Scenario((Kind(text=PLEA), Kind("shipping", then=asks), Kind()))
# The plea is a message of its own: the others need not wait for its transaction.
LATER_PLEAS = Scenario((Kind("shipping", then=asks_and_is_answered), Kind(), Kind("shipping")), 15)
PROMISES = Scenario(
    (
        Kind("urgent"),
        Kind("urgent", then=resolves),
        Kind(text=PLEA),
        Kind("shipping", then=two_press_at_once),
    )
)
# More returns and shipments than there are places for at first.
DESKS = Scenario(
    (
        Kind("returns"),
        *[Kind("shipping")] * 3,
        Kind("billing", then=is_handed_back),
    ),
    30,
)
