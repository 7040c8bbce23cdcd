"""One escalation: raised by hand, and shown with its journal and its audit trail."""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from common.contracts.event import ContactId, EscalationId, PersonId
from common.http.app import RequestModel, ShortText, Slug
from escalation import handlers
from escalation.api.deps import EscalationDatabase, EscalationPath, Staff, cause_of, work
from escalation.api.schemas import ShownEscalation, etag, shown
from escalation.domain import audit_trail

router = APIRouter(prefix="/v1/escalations", tags=["escalations"])


class NewEscalation(RequestModel):
    """`about` is the person of whom the customer complains: that one is not asked about it."""

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
    reason: ShortText
    about: Slug | None = None


class ShownStep(BaseModel):
    """`cause` is the message or the person that brought it about."""

    type: str
    at: datetime
    cause: str | None
    data: dict[str, Any]


class ShownHistory(ShownEscalation):
    journal: list[ShownStep]


class ShownTrailStep(BaseModel):
    """`hash` is over all that stands before it, and `previous` the hash of the step before."""

    step: int
    at: datetime
    who: str
    what: str
    why: str
    data: dict[str, Any]
    previous: str
    hash: str


class ShownTrail(BaseModel):
    """`length` and `head` are what the escalation knows of its trail; `intact` tells whether the
    steps are all there and as they were written.
    """

    escalation_id: EscalationId
    length: int
    head: str
    intact: bool
    steps: list[ShownTrailStep]


@router.get("/{escalation_id}")
async def show(
    escalation_id: EscalationPath,
    database: EscalationDatabase,
    _caller: Staff,
    response: Response,
) -> ShownHistory:
    """Show an escalation with its journal; the header ETag is its version, for If-Match."""
    async with work(database) as uow:
        escalation = await uow.escalations.look(EscalationId(str(escalation_id)))
        if escalation is None:
            raise handlers.EscalationNotFoundError
        watches = await uow.watches.look([escalation.contact_id])
        journal = await uow.escalations.journal(escalation)
    response.headers["ETag"] = etag(escalation)
    now = shown(escalation, watches[escalation.contact_id], uow.now)
    return ShownHistory(
        **dict(now),
        journal=[ShownStep.model_validate(step, from_attributes=True) for step in journal],
    )


@router.get("/{escalation_id}/trail")
async def show_trail(
    escalation_id: EscalationPath, database: EscalationDatabase, _caller: Staff
) -> ShownTrail:
    """Show who did what, when and why, with the hashes by which each change would be found."""
    asked = EscalationId(str(escalation_id))
    async with work(database) as uow:
        if await uow.escalations.look(asked) is None:
            raise handlers.EscalationNotFoundError
        (chain,) = await uow.trails.chains([asked])
    return ShownTrail(
        escalation_id=asked,
        length=chain.length,
        head=chain.head,
        intact=not list(audit_trail.breaks(chain)),
        steps=[ShownTrailStep.model_validate(one, from_attributes=True) for one in chain.steps],
    )


@router.post("", status_code=HTTPStatus.CREATED)
async def escalate(
    new: NewEscalation, database: EscalationDatabase, caller: Staff, response: Response
) -> ShownEscalation:
    """Take a contact upstairs by hand; if it is there already, the reason is added."""
    by = PersonId(caller.subject)
    async with work(database) as uow:
        uow.outbox.cause = cause_of(caller)
        contact_id = ContactId(str(new.contact_id))
        about = None if new.about is None else PersonId(new.about)
        decision = await handlers.raise_by_hand(contact_id, by, new.reason, uow, about)
    response.headers["ETag"] = etag(decision.escalation)
    return shown(decision.escalation, decision.situation.watch, uow.now)
