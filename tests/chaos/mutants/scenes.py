"""What customers and supervisors do while a mutant works: few contacts, to the point."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from chaos.load import PLEA, Kind, asks, done_or_late, resolves, write
from chaos.world import Callers

_BETWEEN_S = 0.025
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True)
class Scene:
    """`contacts` come, of these kinds in turn."""

    kinds: Sequence[Kind]
    contacts: int = 12

    async def play(self, callers: Callers, name: str) -> dict[str, str]:
        """Return the contacts that were accepted, by their keys; `name` is in no other's keys."""
        accepted: dict[str, str] = {}
        async with asyncio.TaskGroup() as group:
            for number, kind in zip(range(self.contacts), cycle(self.kinds), strict=False):
                group.create_task(_come(callers, f"{name}-{number}", kind, accepted))
                await asyncio.sleep(_BETWEEN_S)
        return accepted


async def _come(callers: Callers, key: str, kind: Kind, accepted: dict[str, str]) -> None:
    body = {
        "channel": "chat",
        "customer": {"customer_id": key},
        "subject": "Where is it?",
        "topic": kind.topic,
        "text": kind.text,
    }
    answer = await callers.call("shop", "intake", "POST", "/contacts", body, key)
    assert answer.is_success, answer.text
    accepted[key] = answer.json()["contact_id"]
    await kind.then(callers, accepted[key])


async def asks_and_is_answered(callers: Callers, contact_id: str) -> None:
    await asks(callers, contact_id)
    await write(callers, "rita", contact_id, "representative", "She will call you.")


async def two_press_at_once(callers: Callers, contact_id: str) -> None:
    """Two people acknowledge the same escalation at the same moment."""
    await asks(callers, contact_id)
    path = f"/escalations/{await _escalation(callers, contact_id)}/acknowledge"
    async with asyncio.TaskGroup() as both:
        for who in ("sara", "marco"):
            both.create_task(_press(callers, who, path))


async def is_handed_back(callers: Callers, contact_id: str) -> None:
    await asks(callers, contact_id)
    path = f"/escalations/{await _escalation(callers, contact_id)}"
    await _press(callers, "sara", f"{path}/take-over")
    await _press(callers, "sara", f"{path}/hand-back", {"guidance": "Offer one month free."})


async def _escalation(callers: Callers, contact_id: str) -> str:
    while True:
        path = "/escalations?state=raised&limit=200"
        answer = await callers.call("sara", "escalation", "GET", path)
        for one in answer.json()["items"]:
            if one["contact_id"] == contact_id:
                found: str = one["escalation_id"]
                return found
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _press(callers: Callers, who: str, path: str, body: dict[str, str] | None = None) -> None:
    done_or_late(await callers.call(who, "escalation", "POST", path, body))


ARRIVALS = Scene((Kind("shipping"), Kind("billing", "I was charged twice.")))
PLEAS = Scene((Kind(text=PLEA), Kind("shipping", then=asks), Kind()))
# The plea is a message of its own: the others need not wait for its transaction.
LATER_PLEAS = Scene((Kind("shipping", then=asks_and_is_answered), Kind(), Kind("shipping")), 15)
PROMISES = Scene(
    (
        Kind("urgent"),
        Kind("urgent", then=resolves),
        Kind(text=PLEA),
        Kind("shipping", then=two_press_at_once),
    )
)
# More returns and shipments than there are places for at first.
DESKS = Scene(
    (
        Kind("returns"),
        *[Kind("shipping")] * 3,
        Kind("billing", then=is_handed_back),
    ),
    30,
)
