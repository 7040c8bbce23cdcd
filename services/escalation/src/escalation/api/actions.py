"""What people do with an escalation; each answer is the escalation afterwards.

With `If-Match`, the ETag that the caller has read, an action applies only if nothing has changed.
"""

from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Response
from pydantic import Field, StringConstraints, model_validator

from common.contracts.contract import Instant
from common.contracts.event import EscalationId, PersonId
from common.contracts.page_subjects import Outcome
from common.contracts.texts import NOTE_LENGTH
from common.http.access import Principal, SupervisorUser
from common.http.app import LongText, RequestModel, ShortText, Slug
from common.http.examples import MANAGER, REPRESENTATIVE, SNOOZED_UNTIL, with_examples
from common.http.if_match import IfMatch, etag
from common.http.routes import ApiRouter
from common.storage.database import Database
from escalation import use_cases
from escalation.api.deps import (
    ON_ACTION,
    EscalationDatabase,
    EscalationPath,
    StaffViewer,
    refusals,
    transaction,
)
from escalation.api.schemas import EscalationOut
from escalation.domain.escalations import actions, approvals
from escalation.domain.money import Amount, Currency, Money, ProposedOutcome
from escalation.domain.situation import Decide, Decision
from escalation.domain.visibility import Viewer
from escalation.store.unit_of_work import UnitOfWork
from escalation.views import view

NoteText = Annotated[LongText, StringConstraints(max_length=NOTE_LENGTH)]
router = ApiRouter(
    prefix="/v1/escalations/{escalation_id}", tags=["actions"], responses=refusals(*ON_ACTION)
)


class HandBack(RequestModel):
    model_config = with_examples({"guidance": "Offer one month free; no refund."})

    guidance: NoteText = Field(description="What the representative should do.")


class HandOver(RequestModel):
    model_config = with_examples(
        {"to": MANAGER, "context": "She knows the customer from last year."}
    )

    to: Slug = Field(description="The colleague who is paged.")
    context: ShortText = Field(description="What the colleague should know.")


class ReferUp(RequestModel):
    model_config = with_examples({"reason": "Above my limit."})

    reason: ShortText = Field(description="Why a higher level is needed.")


class Snooze(RequestModel):
    model_config = with_examples({"until": SNOOZED_UNTIL, "reason": "The customer calls at three."})

    until: Instant = Field(
        description="When the snooze ends, in the future, with its offset from UTC."
    )
    reason: ShortText = Field(description="Why it can wait.")


class Note(RequestModel):
    model_config = with_examples({"text": "The second charge was ours."})

    text: NoteText = Field(description="What others should know.")


class CoachingRequest(RequestModel):
    model_config = with_examples(
        {"person_id": REPRESENTATIVE, "text": "How to refuse and stay friendly."}
    )

    person_id: Slug = Field(description="The person to be coached.")
    text: NoteText = Field(description="What the coaching is about.")


class Mediation(RequestModel):
    model_config = with_examples(
        {
            "customer_statement": "I was promised a call and got none.",
            "representative_statement": "The number in the record is out of date.",
            "proposal": "A call today at five, by rita.",
        }
    )

    customer_statement: NoteText = Field(description="What the customer says.")
    representative_statement: NoteText = Field(description="What the representative says.")
    proposal: NoteText = Field(description="What you propose.")


class Resolution(RequestModel):
    model_config = with_examples(
        {
            "outcome": "refund",
            "note": "Second charge refunded.",
            "amount": "49.00",
            "currency": "EUR",
        }
    )

    outcome: Outcome = Field(description="How it ends.")
    note: NoteText = Field(description="What was done, for the record.")
    amount: Annotated[Amount, Field(gt=0)] | None = Field(
        None,
        description="What it costs; refunds, credits, replacements and adjustments cost something. "
        "Above the limit of your role others must approve it.",
    )
    currency: Currency | None = Field(None, description="The amount's currency, by ISO 4217.")

    @model_validator(mode="after")
    def _both_or_neither(self) -> "Resolution":
        if (self.amount is None) != (self.currency is None):
            raise ValueError("an amount goes with its currency")
        _propose(self)
        return self

    @property
    def proposed(self) -> ProposedOutcome:
        return _propose(self)


def _propose(body: Resolution) -> ProposedOutcome:
    """Raise ValueError for an outcome without its price, or with one that can't be paid."""
    if body.amount is None or body.currency is None:
        return ProposedOutcome(body.outcome, body.note)
    return ProposedOutcome(body.outcome, body.note, Money(body.amount, body.currency))


class Refusal(RequestModel):
    model_config = with_examples({"reason": "Half of it will do."})

    reason: ShortText = Field(description="Why the outcome is not approved.")


class Reopening(RequestModel):
    model_config = with_examples({"reason": "The refund never arrived."})

    reason: ShortText = Field(description="Why it is open again.")


@dataclass(frozen=True, slots=True)
class ActionContext:
    """A person's action on one escalation at one of `versions`; None accepts any version."""

    escalation_id: EscalationId
    database: Database[UnitOfWork]
    caller: Principal
    viewer: Viewer
    versions: Container[int] | None
    response: Response

    @property
    def person(self) -> PersonId:
        return self.caller.actor

    async def apply(self, decide: Decide, *, costs: bool = False) -> EscalationOut:
        return await self._answer(
            lambda uow: use_cases.apply_action(
                self.escalation_id, decide, uow, self.versions, costs=costs
            )
        )

    async def reopen(self, reason: str) -> EscalationOut:
        return await self._answer(
            lambda uow: use_cases.reopen(
                self.escalation_id, self.person, reason, uow, self.versions
            )
        )

    async def _answer(self, handle: Callable[[UnitOfWork], Awaitable[Decision]]) -> EscalationOut:
        async with transaction(self.database, self.viewer) as uow:
            await uow.visible_escalation(self.escalation_id, self.viewer)
            uow.outbox.cause = self.caller.name
            decision = await handle(uow)
            shown = await view(decision.escalation, decision.situation.contact, self.viewer, uow)
        self.response.headers["ETag"] = etag(decision.escalation.version)
        return EscalationOut.of(shown)


async def _context(
    escalation_id: EscalationPath,
    database: EscalationDatabase,
    caller: SupervisorUser,
    viewer: StaffViewer,
    versions: IfMatch,
    response: Response,
) -> ActionContext:
    escalation = EscalationId(str(escalation_id))
    return ActionContext(escalation, database, caller, viewer, versions, response)


Ctx = Annotated[ActionContext, Depends(_context)]


@router.post("/acknowledge")
async def acknowledge(ctx: Ctx) -> EscalationOut:
    """Hold it: nobody else is paged until your lease expires."""
    return await ctx.apply(partial(actions.acknowledge, by=ctx.person))


@router.post("/take-over")
async def take_over(ctx: Ctx) -> EscalationOut:
    """Take over the contact from its representative."""
    return await ctx.apply(partial(actions.take_over, by=ctx.person))


@router.post("/renew")
async def renew(ctx: Ctx) -> EscalationOut:
    """Renew your lease; this ends a snooze."""
    return await ctx.apply(partial(actions.renew_lease, by=ctx.person))


@router.post("/snooze")
async def snooze(body: Snooze, ctx: Ctx) -> EscalationOut:
    """Put it off as long and as often as the ladder allows; you are paged when the snooze ends."""
    return await ctx.apply(
        partial(actions.snooze, by=ctx.person, until=body.until, reason=body.reason)
    )


@router.post("/note")
async def note(body: Note, ctx: Ctx) -> EscalationOut:
    """Add a note; if you hold the escalation, that renews your lease."""
    return await ctx.apply(partial(actions.add_note, by=ctx.person, text=body.text))


@router.post("/request-coaching")
async def request_coaching(body: CoachingRequest, ctx: Ctx) -> EscalationOut:
    """Request coaching for a person; the person's supervisor is paged."""
    person_id = PersonId(body.person_id)
    return await ctx.apply(
        partial(actions.request_coaching, by=ctx.person, person_id=person_id, text=body.text)
    )


@router.post("/mediate")
async def mediate(body: Mediation, ctx: Ctx) -> EscalationOut:
    """Record both statements and your proposal."""
    return await ctx.apply(partial(actions.mediate, by=ctx.person, **dict(body)))


@router.post("/hand-back")
async def hand_back(body: HandBack, ctx: Ctx) -> EscalationOut:
    """Hand it back to the representative with guidance; only the holder may."""
    return await ctx.apply(partial(actions.hand_back, by=ctx.person, guidance=body.guidance))


@router.post("/hand-over")
async def hand_over(body: HandOver, ctx: Ctx) -> EscalationOut:
    """Hand it over to a colleague, who is paged; without an answer it climbs."""
    to = PersonId(body.to)
    return await ctx.apply(partial(actions.hand_over, by=ctx.person, to=to, context=body.context))


@router.post("/refer-up")
async def refer_up(body: ReferUp, ctx: Ctx) -> EscalationOut:
    """Send it to the next level that has somebody on duty."""
    return await ctx.apply(partial(actions.refer_up, by=ctx.person, reason=body.reason))


@router.post("/resolve")
async def resolve(body: Resolution, ctx: Ctx) -> EscalationOut:
    """Resolve it with an outcome; above your role's limit, higher levels are asked to approve."""
    return await ctx.apply(
        partial(approvals.resolve, by=ctx.person, role=ctx.caller.role, proposed=body.proposed),
        costs=True,
    )


@router.post("/approve")
async def approve(ctx: Ctx) -> EscalationOut:
    """Approve the outcome, which resolves it; your role's limit must cover the amount."""
    return await ctx.apply(
        partial(approvals.approve, by=ctx.person, role=ctx.caller.role), costs=True
    )


@router.post("/refuse")
async def refuse(body: Refusal, ctx: Ctx) -> EscalationOut:
    """Refuse the outcome. The person who asked gets it back, and can withdraw the request so."""
    return await ctx.apply(
        partial(approvals.refuse, by=ctx.person, role=ctx.caller.role, reason=body.reason),
        costs=True,
    )


@router.post("/reopen")
async def reopen(body: Reopening, ctx: Ctx) -> EscalationOut:
    """Reopen it at the level where it ended, even if the contact is closed."""
    return await ctx.reopen(body.reason)
