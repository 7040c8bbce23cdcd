"""What a person does with an escalation; each answer is how it is afterwards.

With `If-Match`, the ETag of what the person saw, it is done only if nothing has changed since.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from common.contracts.escalations import Outcome
from common.contracts.event import EscalationId, PersonId
from common.http.access import Principal
from common.http.app import LongText, RequestModel, ShortText, Slug
from common.storage.database import Database
from escalation import handlers
from escalation.api.deps import (
    EscalationDatabase,
    EscalationPath,
    Seen,
    Upstairs,
    cause_of,
    work,
)
from escalation.api.schemas import ShownEscalation, etag, shown
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.approvals import Money, Settlement
from escalation.domain.settings.people import Currency
from escalation.domain.situation import Decision, Step
from escalation.store.unit_of_work import UnitOfWork

_CONFLICT: Final[dict[int | str, dict[str, Any]]] = {
    403: {"description": "You may not; the detail says what it takes."},
    409: {
        "description": "Its state does not allow it, or it is not as you saw it: "
        "`present` is how it is."
    },
}
router = APIRouter(prefix="/v1/escalations/{escalation_id}", tags=["actions"], responses=_CONFLICT)


def _example(**fields: str) -> ConfigDict:
    example: JsonDict = {**fields}
    return ConfigDict(json_schema_extra={"examples": [example]})


class HandBack(RequestModel):
    model_config = _example(guidance="Offer one month free; no refund.")

    guidance: LongText


class HandOver(RequestModel):
    model_config = _example(to="kim", context="She knows the customer from last year.")

    to: Slug
    context: ShortText


class ReferUp(RequestModel):
    model_config = _example(reason="Above my limit.")

    reason: ShortText


class Snooze(RequestModel):
    model_config = _example(until="2026-03-02T15:00:00Z", reason="The customer calls at three.")

    until: AwareDatetime
    reason: ShortText


class Note(RequestModel):
    model_config = _example(text="The second charge was ours.")

    text: LongText


class Coaching(RequestModel):
    model_config = _example(person_id="rita", text="How to say no and still be liked.")

    person_id: Slug
    text: LongText


class Mediation(RequestModel):
    model_config = _example(
        customer_statement="I was promised a call and got none.",
        representative_statement="The number in the record is out of date.",
        proposal="A call today at five, by rita.",
    )

    customer_statement: LongText
    representative_statement: LongText
    proposal: LongText


class Resolve(RequestModel):
    """An amount is held against the limit of the caller's role; above it others must approve."""

    model_config = _example(
        outcome="refund", note="Second charge refunded.", amount="49.00", currency="EUR"
    )

    outcome: Outcome
    note: LongText
    amount: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=4)] | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Resolve":
        if (self.amount is None) != (self.currency is None):
            raise ValueError("an amount goes with its currency")
        return self

    @property
    def settlement(self) -> Settlement:
        if self.amount is None or self.currency is None:
            return Settlement(self.outcome, self.note)
        return Settlement(self.outcome, self.note, Money(self.amount, self.currency))


class Refuse(RequestModel):
    model_config = _example(reason="Half of it will do.")

    reason: ShortText


class Reopen(RequestModel):
    model_config = _example(reason="The refund never arrived.")

    reason: ShortText


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts on one escalation, seen in one of `versions`; nil if in any."""

    escalation_id: EscalationId
    database: Database[UnitOfWork]
    caller: Principal
    versions: frozenset[int] | None
    response: Response

    @property
    def person(self) -> PersonId:
        return PersonId(self.caller.subject)

    async def do(self, step: Step) -> ShownEscalation:
        return await self._answer(
            lambda uow: handlers.act(self.escalation_id, step, uow, self.versions)
        )

    async def reopen(self, reason: str) -> ShownEscalation:
        return await self._answer(
            lambda uow: handlers.reopen(self.escalation_id, self.person, reason, uow, self.versions)
        )

    async def _answer(self, handle: Callable[[UnitOfWork], Awaitable[Decision]]) -> ShownEscalation:
        async with work(self.database) as uow:
            uow.outbox.cause = cause_of(self.caller)
            decision = await handle(uow)
        self.response.headers["ETag"] = etag(decision.escalation)
        return shown(decision.escalation, decision.situation.watch, uow.now)


async def _acting(
    escalation_id: EscalationPath,
    database: EscalationDatabase,
    caller: Upstairs,
    versions: Seen,
    response: Response,
) -> Acting:
    return Acting(EscalationId(str(escalation_id)), database, caller, versions, response)


By = Annotated[Acting, Depends(_acting)]


@router.post("/acknowledge")
async def acknowledge(by: By) -> ShownEscalation:
    """Say that you have it: nobody else is asked until the lease runs out."""
    return await by.do(partial(actions.acknowledge, by=by.person))


@router.post("/take-over")
async def take_over(by: By) -> ShownEscalation:
    """Own the contact: its representative is free of it."""
    return await by.do(partial(actions.take_over, by=by.person))


@router.post("/renew")
async def renew(by: By) -> ShownEscalation:
    """Begin your lease anew, and end a snooze."""
    return await by.do(partial(actions.renew, by=by.person))


@router.post("/snooze")
async def snooze(snooze: Snooze, by: By) -> ShownEscalation:
    """Put it off until then, as long and as often as the ladder allows; you are told at its end."""
    return await by.do(
        partial(actions.snooze, by=by.person, until=snooze.until, reason=snooze.reason)
    )


@router.post("/note")
async def note(note: Note, by: By) -> ShownEscalation:
    """Write down what others should know; if you have it, that renews your lease."""
    return await by.do(partial(actions.note, by=by.person, text=note.text))


@router.post("/request-coaching")
async def request_coaching(coaching: Coaching, by: By) -> ShownEscalation:
    """Ask that somebody be coached about it: whom that one reports to is told."""
    person_id = PersonId(coaching.person_id)
    return await by.do(
        partial(actions.request_coaching, by=by.person, person_id=person_id, text=coaching.text)
    )


@router.post("/mediate")
async def mediate(mediation: Mediation, by: By) -> ShownEscalation:
    """Record what both sides say, and what you propose."""
    return await by.do(partial(actions.mediate, by=by.person, **dict(mediation)))


@router.post("/hand-back")
async def hand_back(back: HandBack, by: By) -> ShownEscalation:
    """Give it back below, with guidance; whoever has it may."""
    return await by.do(partial(actions.hand_back, by=by.person, guidance=back.guidance))


@router.post("/hand-over")
async def hand_over(over: HandOver, by: By) -> ShownEscalation:
    """Give it to a colleague, who is asked to answer; without an answer it climbs."""
    to = PersonId(over.to)
    return await by.do(partial(actions.hand_over, by=by.person, to=to, context=over.context))


@router.post("/refer-up")
async def refer_up(up: ReferUp, by: By) -> ShownEscalation:
    """Send it to the next level that has somebody on duty."""
    return await by.do(partial(actions.refer_up, by=by.person, reason=up.reason))


@router.post("/resolve")
async def resolve(end: Resolve, by: By) -> ShownEscalation:
    """Settle it with an outcome; above your role's limit those above are asked to approve it."""
    return await by.do(
        partial(approvals.settle, by=by.person, role=by.caller.role, settlement=end.settlement)
    )


@router.post("/approve")
async def approve(by: By) -> ShownEscalation:
    """Grant what is asked for, which ends it; your role's limit must cover it."""
    return await by.do(partial(approvals.approve, by=by.person, role=by.caller.role))


@router.post("/refuse")
async def refuse(refusal: Refuse, by: By) -> ShownEscalation:
    """Do not grant it: it is back with whoever asked, who may also withdraw it so."""
    return await by.do(
        partial(approvals.refuse, by=by.person, role=by.caller.role, reason=refusal.reason)
    )


@router.post("/reopen")
async def reopen(again: Reopen, by: By) -> ShownEscalation:
    """Open one that has ended, where it ended, whether the contact is open or not."""
    return await by.reopen(again.reason)
