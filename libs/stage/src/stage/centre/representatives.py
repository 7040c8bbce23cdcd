"""Representatives accept, decline or miss offers, reply, ask back, refer, resolve, take breaks."""

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any, Final, Literal

from stage.centre.calls import Calls, Reaction, Reactions
from stage.centre.matters import REASONS_TO_BE_AWAY, REASONS_TO_DECLINE, REASONS_TO_REFER
from stage.centre.pace import Pace, weighted
from stage.centre.plans import ContactPlan
from stage.centre.staff import REPRESENTATIVES

_LOOK_EVERY_S: Final = 3
_ANSWERS: Final[tuple[tuple[Literal["accept", "decline", "miss"], int], ...]] = (
    ("accept", 78),
    ("decline", 12),
    ("miss", 10),
)
_HELD: Final = "/assignments?state=offered&state=assigned&limit=200"


class Representatives:
    def __init__(
        self, calls: Calls, reactions: Reactions, pace: Pace, plans: Mapping[str, ContactPlan]
    ) -> None:
        self._calls = calls
        self._reactions = reactions
        self._pace = pace
        self._plans = plans

    def start(self) -> None:
        self._reactions.follow(self._look, partial(self._pace.pause, _LOOK_EVERY_S))
        for person in REPRESENTATIVES:
            self._reactions.start(partial(self._take_breaks, person))

    async def _look(self) -> Mapping[Hashable, Reaction]:
        page = await self._calls("ops", "router", "GET", _HELD)
        situations: dict[Hashable, Reaction] = {}
        for assignment in page["items"]:
            plan = self._plans.get(assignment["contact_id"])
            person = assignment["representative_id"]
            if plan is not None and person in REPRESENTATIVES:
                work = self._answer if assignment["state"] == "offered" else self._serve
                situation = (assignment["contact_id"], assignment["since"])
                situations[situation] = partial(work, assignment, plan, person)
        return situations

    async def _answer(self, assignment: dict[str, Any], plan: ContactPlan, person: str) -> None:
        random = self._pace.random("offer", plan.number, person)
        await self._pace.pause(random.uniform(4, 18))
        reason = {"reason": random.choice(REASONS_TO_DECLINE)}
        place = f"/assignments/{assignment['contact_id']}"
        match weighted(random, _ANSWERS):
            case "accept":
                await self._calls(person, "router", "POST", f"{place}/accept")
            case "decline":
                await self._calls(person, "router", "POST", f"{place}/decline", reason)
            case "miss":
                pass

    async def _serve(self, assignment: dict[str, Any], plan: ContactPlan, person: str) -> None:
        contact_id = assignment["contact_id"]
        if plan.is_referred and assignment["referral"] is None:
            await self._refer(contact_id, plan, person)
        await self._pace.pause(plan.reply_after_s)
        if plan.asks_back:
            await self._reply(contact_id, person, plan.matter.question)
            await self._write(contact_id, person, "wait-for-customer")
            await self._pace.pause(plan.reply_after_s)
        await self._reply(contact_id, person, plan.matter.reply)
        await self._pace.pause(plan.resolve_after_s)
        resolution = {"disposition": "solved", "root_cause": plan.matter.root_cause}
        await self._write(contact_id, person, "resolve", resolution)

    async def _refer(self, contact_id: str, plan: ContactPlan, person: str) -> None:
        """Ask a supervisor to take it; without one the representative goes on after a while."""
        random = self._pace.random("referral", plan.number)
        await self._pace.pause(random.uniform(15, 40))
        reason = {"reason": random.choice(REASONS_TO_REFER)}
        await self._calls(person, "router", "POST", f"/assignments/{contact_id}/refer", reason)
        await self._pace.pause(120)

    async def _reply(self, contact_id: str, person: str, text: str) -> None:
        message = {"author": "representative", "text": text}
        await self._write(contact_id, person, "messages", message)

    async def _write(self, contact_id: str, person: str, action: str, body: object = None) -> None:
        await self._calls(person, "intake", "POST", f"/contacts/{contact_id}/{action}", body)

    async def _take_breaks(self, person: str) -> None:
        random = self._pace.random("breaks", person)
        while True:
            await self._pace.pause(random.uniform(240, 900))
            reason = random.choice(REASONS_TO_BE_AWAY)
            await self._set_presence(person, {"presence": "away", "reason": reason})
            await self._pace.pause(random.uniform(60, 180))
            await self._set_presence(person, {"presence": "available"})

    async def _set_presence(self, person: str, presence: dict[str, str]) -> None:
        path = f"/representatives/{person}/presence"
        await self._calls(person, "router", "PUT", path, presence)
