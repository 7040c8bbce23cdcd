"""One escalation: raised by hand, and shown with its events and its audit trail."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from common.contracts.event import ContactId, EscalationId, PersonId
from common.http.access import StaffUser, SupervisorUser
from common.http.app import RequestModel, ShortText, Slug
from common.http.examples import CONTACT_ID, with_examples
from common.http.if_match import etag
from common.http.pagination import (
    ROW_NUMBER,
    Cursor,
    Limit,
    NextCursor,
    cut_page,
    decode_cursor,
    encode_cursor,
)
from common.http.routes import ApiRouter
from escalation import use_cases
from escalation.api.deps import (
    EscalationDatabase,
    EscalationPath,
    StaffViewer,
    refusals,
    transaction,
)
from escalation.api.examples import AUDIT_TRAIL, ESCALATION, EVENT, REASON
from escalation.api.schemas import EscalationOut, Out
from escalation.domain import errors
from escalation.domain.audit_trail import find_breaks
from escalation.domain.types import StaffId
from escalation.views import view

router = ApiRouter(prefix="/v1/escalations", tags=["escalations"])


Supervisors = Annotated[
    list[StaffId] | None,
    Query(max_length=200, description="Supervisors for whom it is read, too."),
]


class EscalationIn(RequestModel):
    model_config = with_examples(
        {
            "contact_id": CONTACT_ID,
            "reason": REASON,
        }
    )

    contact_id: UUID = Field(description="The contact to escalate.")
    reason: ShortText = Field(description="Why, for the people who are paged.")
    about: Slug | None = Field(
        None,
        description="Whom the complaint is about: somebody who has or had the contact, or acted on "
        "its escalation. This person does not act on the escalation until it is judged.",
    )


class PublishedEventOut(Out):
    type: str = Field(description="The event's type.")
    at: datetime = Field(description="When it was published.")
    cause: str | None = Field(description="The message or person that caused it.")
    data: dict[str, Any] = Field(
        description="The event's own fields, without those that have their default."
    )


class EscalationDetailOut(EscalationOut):
    model_config = with_examples({**ESCALATION, "events": [EVENT], "next_cursor": None})

    events: list[PublishedEventOut] = Field(description="A page of its events, in order.")
    next_cursor: NextCursor
    visible_to: list[PersonId] = Field(
        [], description="Those of the `supervisors` in the query who may see it, too."
    )


class AuditEntryOut(Out):
    number: int = Field(description="Counts the entries of the trail from 1.")
    at: datetime = Field(description="When it happened.")
    actor: str = Field(
        description="Who did it: a person, a system as `admin:ops`, a message or a timer."
    )
    action: str = Field(description="What was done.")
    reason: str = Field(description="Why, if a reason was given.")
    data: dict[str, Any] = Field(
        description="The published event, without the fields that have their default."
    )
    previous: str = Field(description="The hash of the entry before; empty in the first.")
    hash: str = Field(description="The hash over all of this entry's other fields.")


class AuditTrailOut(Out):
    model_config = with_examples(AUDIT_TRAIL)

    escalation_id: EscalationId = Field(description="The escalation.")
    length: int = Field(description="How many entries the escalation has recorded.")
    head: str = Field(description="The hash of the last entry that it has recorded.")
    intact: bool = Field(
        description="Whether this page's entries are unchanged and follow the page before; on the "
        "last page also, whether the trail's end is there."
    )
    entries: list[AuditEntryOut] = Field(description="A page of the entries, in order.")
    next_cursor: NextCursor


async def _complaints_per_day(request: Request) -> int:
    number: int = request.app.state.complaints_per_day
    return number


@router.get("/{escalation_id}", responses=refusals(errors.EscalationNotFoundError))
async def show_escalation(
    escalation_id: EscalationPath,
    database: EscalationDatabase,
    viewer: StaffViewer,
    response: Response,
    supervisors: Supervisors = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> EscalationDetailOut:
    """Show an escalation with its events; the header ETag is its version, for If-Match.

    Who shows it to several `supervisors` learns from `visible_to` which of them may see it; what is
    shown is the same for all of them but `actions`. Representatives learn it of nobody.

    Representatives see those of contacts that they have or had and those that they raised, without
    the words of colleagues. One in which a complaint names them they see only if they raised it
    too, and then as it would be without the complaint.
    """
    filters = {"events_of": str(escalation_id)}
    after = decode_cursor(cursor, ROW_NUMBER, filters)
    async with transaction(database) as uow:
        escalation, contact = await uow.visible_escalation(escalation_id, viewer)
        published = await uow.escalations.published_events(escalation, after or 0, limit + 1)
        shown = EscalationOut.of(await view(escalation, contact, viewer, uow))
        configuration = await uow.settings.in_force()
    if shown.version is not None:
        response.headers["ETag"] = etag(shown.version)
    since = shown.raised_at if viewer.is_named(escalation) else escalation.raised_at
    page, next_cursor = cut_page(published, limit, key=lambda event: event.id, filters=filters)
    events = [
        PublishedEventOut.model_validate(event)
        for event in page
        if viewer.sees_event(event.type) and event.at >= since
    ]
    others = () if viewer.is_representative else map(viewer.as_supervisor, supervisors or ())
    return EscalationDetailOut(
        **dict(shown),
        events=events,
        next_cursor=next_cursor,
        visible_to=[
            other.person for other in others if other.sees(escalation, contact, configuration)
        ],
    )


@router.get("/{escalation_id}/audit-trail", responses=refusals(errors.EscalationNotFoundError))
async def show_audit_trail(
    escalation_id: EscalationPath,
    database: EscalationDatabase,
    _caller: SupervisorUser,
    viewer: StaffViewer,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AuditTrailOut:
    """Show who did what, when and why, with the hashes that reveal any change."""
    filters = {"trail_of": str(escalation_id)}
    after = decode_cursor(cursor, ROW_NUMBER, filters)
    async with transaction(database) as uow:
        await uow.visible_escalation(escalation_id, viewer)
        chain = await uow.audit_trail.page(EscalationId(str(escalation_id)), after or 0, limit)
    last = None if chain.reaches_end else chain.entries[-1].number
    return AuditTrailOut(
        escalation_id=chain.escalation_id,
        length=chain.length,
        head=chain.head,
        intact=not list(find_breaks(chain)),
        entries=[AuditEntryOut.model_validate(entry) for entry in chain.entries],
        next_cursor=None if last is None else encode_cursor(last, filters),
    )


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=refusals(
        errors.ContactNotFoundError,
        errors.ContactNotOpenError,
        errors.ComplaintOpenError,
        errors.ComplaintRateError,
    ),
)
async def raise_escalation(
    body: EscalationIn,
    database: EscalationDatabase,
    caller: StaffUser,
    viewer: StaffViewer,
    complaints_per_day: Annotated[int, Depends(_complaints_per_day)],
    response: Response,
) -> EscalationOut:
    """Escalate a contact by hand; if it has an open escalation, the reason is added to it.

    With `about` it is a complaint, whose words and author only those read who may judge it.
    """
    by, contact_id = viewer.person, ContactId(str(body.contact_id))
    async with transaction(database) as uow:
        if body.about is None:
            uow.outbox.cause = caller.name
            decision = await use_cases.raise_by_hand(contact_id, by, body.reason, uow)
        else:
            decision = await use_cases.complain(
                contact_id,
                by,
                PersonId(body.about),
                body.reason,
                uow,
                complaints_per_day=complaints_per_day,
            )
        current = await view(decision.escalation, decision.situation.contact, viewer, uow)
        shown = EscalationOut.of(current)
    if shown.version is not None:
        response.headers["ETag"] = etag(shown.version)
    return shown
