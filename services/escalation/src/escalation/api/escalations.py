"""What is upstairs, sorted by the time left, and what a person does with it."""

from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict

from common.access import Principal
from common.contracts.contacts import Channel
from common.contracts.escalations import Cause, Outcome, Severity
from common.contracts.event import ContactId, EscalationId, PersonId
from common.database import Database
from common.http import Api, Line, Name, Text
from escalation import handlers
from escalation.api.answers import EscalationDatabase, Staff, Upstairs, work
from escalation.api.cursor import cursor_after, place_of
from escalation.domain import words, working
from escalation.domain.situation import Step
from escalation.domain.watches import OPEN_STATES, Escalation, EscalationState, Watch
from escalation.store import Place, UnitOfWork

router = APIRouter(prefix="/v1/escalations", tags=["escalations"])

EscalationPath = Annotated[UUID, Path()]


class NewEscalation(Api):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contact_id": "019579a0-5b7e-7c52-9f5e-3d1d5b1f0a11",
                    "reason": "A journalist is on the line.",
                }
            ]
        }
    )

    contact_id: UUID
    reason: Line


class HandBack(Api):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"guidance": "Offer one month free; no refund."}]}
    )

    guidance: Text


class ReferUp(Api):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Above my limit."}]})

    reason: Line


class Resolve(Api):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"outcome": "refund", "note": "Second charge refunded, 49 EUR."}]
        }
    )

    outcome: Outcome
    note: Text


class ShownReason(BaseModel):
    cause: Cause
    text: str
    at: datetime


class ShownContact(BaseModel):
    channel: Channel
    subject: str
    topic: str
    customer: str | None
    representative_id: PersonId | None


class ShownEscalation(BaseModel):
    """`deadline` is when it goes on without whoever holds it, or without those who are awaited."""

    escalation_id: EscalationId
    contact_id: ContactId
    state: EscalationState
    headline: str
    severity: Severity
    level: int
    level_name: str
    ladder: str | None
    holder: PersonId | None
    awaited: tuple[PersonId, ...]
    deadline: datetime | None
    left_s: float | None
    raised_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    note: str | None
    reasons: list[ShownReason]
    contact: ShownContact | None


class ShownStep(BaseModel):
    """`cause` is the message or the person that brought it about."""

    type: str
    at: datetime
    cause: str | None
    data: dict[str, Any]


class ShownHistory(ShownEscalation):
    journal: list[ShownStep]


class ShownPage(BaseModel):
    """`next` is the cursor of the next page, nil on the last one."""

    escalations: list[ShownEscalation]
    next: str | None


@router.get("")
async def show_all(
    database: EscalationDatabase,
    _caller: Staff,
    state: Annotated[list[EscalationState], Query()] = list(OPEN_STATES),  # noqa: B006 - FastAPI copies it
    person: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[Place | None, Depends(place_of)] = None,
) -> ShownPage:
    """List escalations, those first that have the least time left.

    `person`: only those that this person holds or is asked to answer.
    """
    person_id = None if person is None else PersonId(person)
    async with work(database) as uow:
        found = await uow.escalations.by_time_left(state, person_id, after, limit + 1)
        page = found[:limit]
        watches = await uow.watches.look([escalation.contact_id for escalation in page])
    return ShownPage(
        escalations=[_shown(one, watches[one.contact_id], uow.now) for one in page],
        next=cursor_after(page[-1]) if len(found) > limit else None,
    )


@router.get("/{escalation_id}")
async def show(
    escalation_id: EscalationPath, database: EscalationDatabase, _caller: Staff
) -> ShownHistory:
    """Show an escalation with its journal: who did what, when and why."""
    async with work(database) as uow:
        escalation = await uow.escalations.look(EscalationId(str(escalation_id)))
        if escalation is None:
            raise handlers.UnknownEscalation
        watches = await uow.watches.look([escalation.contact_id])
        journal = await uow.escalations.journal(escalation)
    shown = _shown(escalation, watches[escalation.contact_id], uow.now)
    return ShownHistory(
        **dict(shown),
        journal=[ShownStep.model_validate(step, from_attributes=True) for step in journal],
    )


@router.post("", status_code=HTTPStatus.CREATED)
async def escalate(
    new: NewEscalation, database: EscalationDatabase, caller: Staff
) -> ShownEscalation:
    """Take a contact upstairs by hand; if it is there already, the reason is added."""
    by = PersonId(caller.subject)
    async with work(database) as uow:
        uow.outbox.cause = _cause(caller)
        contact_id = ContactId(str(new.contact_id))
        decision = await handlers.raise_by_hand(contact_id, by, new.reason, uow)
    return _shown(decision.escalation, decision.situation.watch, uow.now)


@router.post("/{escalation_id}/acknowledge")
async def acknowledge(
    escalation_id: EscalationPath, database: EscalationDatabase, caller: Upstairs
) -> ShownEscalation:
    """Say that you have it: nobody else is asked until the lease runs out."""
    step = partial(working.acknowledge, by=PersonId(caller.subject))
    return await _act(escalation_id, step, database, caller)


@router.post("/{escalation_id}/take-over")
async def take_over(
    escalation_id: EscalationPath, database: EscalationDatabase, caller: Upstairs
) -> ShownEscalation:
    """Own the contact: its representative is free of it."""
    step = partial(working.take_over, by=PersonId(caller.subject))
    return await _act(escalation_id, step, database, caller)


@router.post("/{escalation_id}/hand-back")
async def hand_back(
    escalation_id: EscalationPath, back: HandBack, database: EscalationDatabase, caller: Upstairs
) -> ShownEscalation:
    """Give it back below, with guidance; whoever has it may."""
    step = partial(working.hand_back, by=PersonId(caller.subject), guidance=back.guidance)
    return await _act(escalation_id, step, database, caller)


@router.post("/{escalation_id}/refer-up")
async def refer_up(
    escalation_id: EscalationPath, up: ReferUp, database: EscalationDatabase, caller: Upstairs
) -> ShownEscalation:
    """Send it to the next level that has somebody on duty."""
    step = partial(working.refer_up, by=PersonId(caller.subject), reason=up.reason)
    return await _act(escalation_id, step, database, caller)


@router.post("/{escalation_id}/resolve")
async def resolve(
    escalation_id: EscalationPath, end: Resolve, database: EscalationDatabase, caller: Upstairs
) -> ShownEscalation:
    """Settle it with an outcome; whoever has it may."""
    by = PersonId(caller.subject)
    step = partial(working.resolve, by=by, outcome=end.outcome, note=end.note)
    return await _act(escalation_id, step, database, caller)


async def _act(
    escalation_id: UUID, step: Step, database: Database[UnitOfWork], caller: Principal
) -> ShownEscalation:
    async with work(database) as uow:
        uow.outbox.cause = _cause(caller)
        decision = await handlers.act(EscalationId(str(escalation_id)), step, uow)
    return _shown(decision.escalation, decision.situation.watch, uow.now)


def _cause(caller: Principal) -> str:
    return f"{caller.role}:{caller.subject}"


def _shown(escalation: Escalation, watch: Watch, at: datetime) -> ShownEscalation:
    contact = watch.contact
    return ShownEscalation(
        escalation_id=escalation.escalation_id,
        contact_id=escalation.contact_id,
        state=escalation.state,
        headline=words.headline(watch, escalation.reasons[0], escalation.closed_at or at),
        severity=escalation.severity,
        level=escalation.level,
        level_name=escalation.level_name,
        ladder=None if escalation.ladder is None else str(escalation.ladder.ref),
        holder=escalation.holder,
        awaited=escalation.awaited if escalation.holder is None else (),
        deadline=escalation.deadline,
        left_s=None if escalation.deadline is None else (escalation.deadline - at).total_seconds(),
        raised_at=escalation.raised_at,
        closed_at=escalation.closed_at,
        outcome=escalation.outcome,
        note=escalation.note,
        reasons=[
            ShownReason(cause=reason.cause, text=reason.text, at=reason.at)
            for reason in escalation.reasons
        ],
        contact=None
        if contact is None
        else ShownContact(
            channel=contact.channel,
            subject=contact.subject,
            topic=contact.topic,
            customer=contact.customer,
            representative_id=watch.representative_id,
        ),
    )
