"""Supervisors and managers acknowledge some pages, let others wait, and decide what they hold."""

from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Final

from common.core.clock import TimeSource
from common.http.examples import DIRECTOR, SUPERVISOR
from stage.centre.calls import Calls, Reaction, Reactions
from stage.centre.matters import GUIDANCE
from stage.centre.pace import Pace, happens, weighted
from stage.centre.plans import ContactPlan
from stage.centre.staff import SECOND_MANAGER, SIMULATED_LEADERS

_LOOK_EVERY_S: Final = 4
# The share of the pages that somebody answers; the others climb.
_ANSWERED: Final = {SECOND_MANAGER: 0.8, DIRECTOR: 1.0}
_ANSWERED_BY_SUPERVISORS: Final = 0.6
_SNOOZE_S: Final = 60
_SHORTEST_SNOOZE_S: Final = 20
_DECISIONS: Final = (
    ("take over", 45),
    ("hand back", 20),
    ("hand over", 10),
    ("snooze", 10),
    ("request coaching", 8),
    ("refer up", 7),
)

Deed = Callable[[dict[str, Any], str, Random], Coroutine[Any, Any, None]]


class Leaders:
    def __init__(
        self, calls: Calls, reactions: Reactions, pace: Pace, plans: Mapping[str, ContactPlan]
    ) -> None:
        self._calls = calls
        self._reactions = reactions
        self._pace = pace
        self._plans = plans

    def start(self) -> None:
        self._reactions.follow(self._look, partial(self._pace.pause, _LOOK_EVERY_S))

    async def _look(self) -> Mapping[Hashable, Reaction]:
        page = await self._calls("ops", "escalation", "GET", "/escalations?limit=200")
        situations: dict[Hashable, Reaction] = {}
        for escalation in page["items"]:
            plan = self._plans.get(escalation["contact_id"])
            if plan is None:
                continue
            for person, deed in self._deeds(escalation):
                state, level = escalation["state"], escalation["level"]
                situation = (escalation["escalation_id"], state, level, person)
                random = self._pace.random(plan.number, state, level, person)
                situations[situation] = partial(deed, escalation, person, random)
        return situations

    def _deeds(self, escalation: dict[str, Any]) -> Iterator[tuple[str, Deed]]:
        """Yield who may do what about it now."""
        match escalation["state"]:
            case "raised":
                deed, people = self._answer, escalation["awaited"]
            case "approval_asked":
                asked_by = escalation["approval"]["asked_by"]
                awaited = escalation["awaited"]
                deed, people = self._approve, [who for who in awaited if who != asked_by]
            case "acknowledged":
                deed, people = self._decide, [escalation["holder"]]
            case _:
                deed, people = self._resolve, [escalation["holder"]]
        for person in people:
            if person in SIMULATED_LEADERS:
                yield person, deed

    async def _answer(self, escalation: dict[str, Any], person: str, random: Random) -> None:
        await self._pace.pause(random.uniform(15, 50))
        if happens(random, _ANSWERED.get(person, _ANSWERED_BY_SUPERVISORS)):
            await self._act(escalation, person, "acknowledge")

    async def _decide(self, escalation: dict[str, Any], person: str, random: Random) -> None:
        await self._pace.pause(random.uniform(20, 70))
        match weighted(random, _DECISIONS):
            case "take over":
                await self._act(escalation, person, "take-over")
            case "hand over":
                handing = {"to": SUPERVISOR, "context": "You know this customer from last week."}
                await self._act(escalation, person, "hand-over", handing)
            case "refer up" if person != DIRECTOR:
                await self._act(escalation, person, "refer-up", {"reason": "Above my limit."})
            case "snooze":
                await self._snooze(escalation, person)
                await self._hand_back(escalation, person, random)
            case "request coaching":
                await self._request_coaching(escalation, person)
                await self._hand_back(escalation, person, random)
            case _:
                await self._hand_back(escalation, person, random)

    async def _hand_back(self, escalation: dict[str, Any], person: str, random: Random) -> None:
        guidance = {"guidance": random.choice(GUIDANCE)}
        await self._act(escalation, person, "hand-back", guidance)

    async def _snooze(self, escalation: dict[str, Any], person: str) -> None:
        # However fast time passes here, it must not be over before a busy machine reads it.
        duration = timedelta(seconds=max(self._pace.seconds(_SNOOZE_S), _SHORTEST_SNOOZE_S))
        until = (TimeSource().utc_now() + duration).isoformat()
        reason = "I wait for the carrier's answer."
        await self._act(escalation, person, "snooze", {"until": until, "reason": reason})
        await self._pace.pause(_SNOOZE_S / 2)

    async def _request_coaching(self, escalation: dict[str, Any], person: str) -> None:
        contact = escalation["contact"]
        if contact is None or contact["representative_id"] is None:
            return
        about = {
            "person_id": contact["representative_id"],
            "text": "How to say no and stay friendly.",
        }
        await self._act(escalation, person, "request-coaching", about)

    async def _resolve(self, escalation: dict[str, Any], person: str, random: Random) -> None:
        await self._pace.pause(random.uniform(40, 110))
        if happens(random, 0.5):
            outcome = {"outcome": "apology", "note": "Called the customer, who is calm now."}
        else:
            # Some are above what a supervisor may grant, so that a manager is asked.
            amount = random.choice(("25.00", "60.00", "180.00"))
            outcome = {
                "outcome": "refund",
                "note": "Refunded for the trouble.",
                "amount": amount,
                "currency": "EUR",
            }
        await self._act(escalation, person, "resolve", outcome)

    async def _approve(self, escalation: dict[str, Any], person: str, random: Random) -> None:
        await self._pace.pause(random.uniform(60, 150))
        if happens(random, 0.75):
            await self._act(escalation, person, "approve")
        else:
            await self._act(escalation, person, "refuse", {"reason": "Half of it will do."})

    async def _act(
        self, escalation: dict[str, Any], person: str, action: str, body: object = None
    ) -> None:
        path = f"/escalations/{escalation['escalation_id']}/{action}"
        await self._calls(person, "escalation", "POST", path, body)
