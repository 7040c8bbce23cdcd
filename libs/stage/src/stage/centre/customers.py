"""Customers write, answer, ask for a supervisor, rate, and leave if nobody helps."""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from stage.actors import RefusedError
from stage.centre.calls import Calls, Reactions
from stage.centre.matters import COMMENTS, SUPERVISOR_REQUESTS
from stage.centre.pace import Pace
from stage.centre.plans import ContactPlan, plan_contacts
from stage.centre.staff import STOREFRONT

_LOOK_EVERY_S: Final = 10
# Nothing stays open longer, also if somebody holds it.
_LONGEST_S: Final = 900
_KEPT_PLANS: Final = 1000


class Customers:
    """`plans` is by contact; people of the centre leave alone what has no plan."""

    def __init__(self, calls: Calls, reactions: Reactions, pace: Pace) -> None:
        self.plans: dict[str, ContactPlan] = {}
        self._calls = calls
        self._reactions = reactions
        self._pace = pace

    async def write(self) -> None:
        """Start one customer after the other, without end."""
        for plan in plan_contacts(self._pace):
            await self._pace.pause(plan.gap_s)
            self._reactions.start(partial(self._be_served, plan))

    async def _be_served(self, plan: ContactPlan) -> None:
        key = {"Idempotency-Key": plan.reference}
        receipt = await self._call("", plan.body, headers=key)
        contact_id = receipt["contact_id"]
        self._remember(contact_id, plan)
        if await self._await_resolution(contact_id, plan) and plan.score is not None:
            await self._pace.pause(15)
            rating = {"score": plan.score, "comment": COMMENTS[plan.score]}
            await self._call(f"/{contact_id}/feedback", rating)

    async def _await_resolution(self, contact_id: str, plan: ContactPlan) -> bool:
        """Return whether it was resolved by a person; else it ended in another way."""
        clock = asyncio.get_running_loop().time
        begin = clock()
        asks_after_s = plan.asks_for_supervisor_after_s
        while True:
            await self._pace.pause(_LOOK_EVERY_S)
            contact = await self._read(contact_id)
            waited_s = (clock() - begin) * self._pace.speed
            if contact["state"] not in ("open", "waiting_on_customer"):
                return bool(contact["state"] == "resolved")
            if asks_after_s is not None and waited_s > asks_after_s:
                await self._say(contact_id, SUPERVISOR_REQUESTS[plan.matter.language])
                asks_after_s = None
            elif contact["state"] == "waiting_on_customer":
                await self._say(contact_id, plan.matter.answer)
            elif await self._leaves(contact, plan, waited_s):
                return False

    async def _leaves(self, contact: dict[str, Any], plan: ContactPlan, waited_s: float) -> bool:
        path = f"/{contact['contact_id']}"
        if any(message["author"] == "representative" for message in contact["messages"]):
            if waited_s > _LONGEST_S:
                await self._call(f"{path}/resolve", {"automatic": True})
                return True
        elif waited_s > plan.patience_s:
            await self._call(f"{path}/abandon", {"reason": "Waited too long."})
            return True
        return False

    async def _say(self, contact_id: str, text: str) -> None:
        try:
            await self._call(f"/{contact_id}/messages", {"author": "customer", "text": text})
        except RefusedError as error:
            # It ended in this moment, which the next look shows.
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def _read(self, contact_id: str) -> Any:
        return await self._calls(STOREFRONT, "intake", "GET", f"/contacts/{contact_id}")

    async def _call(self, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
        return await self._calls(
            STOREFRONT, "intake", "POST", f"/contacts{path}", body, headers=headers
        )

    def _remember(self, contact_id: str, plan: ContactPlan) -> None:
        self.plans[contact_id] = plan
        if len(self.plans) > _KEPT_PLANS:
            del self.plans[next(iter(self.plans))]
