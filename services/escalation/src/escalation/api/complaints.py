"""Complaints about people: read by those who may, judged by managers, withdrawn by who complains.

They are raised by POST /v1/escalations with `about`, and by customers' feedback.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Path, Query
from pydantic import Field, TypeAdapter

from common.contracts.complaints import Verdict
from common.contracts.event import ComplaintId, ContactId, EscalationId, PersonId
from common.http.access import Principal, StaffUser, SupervisorUser
from common.http.app import RequestModel, ShortText
from common.http.examples import COMPLAINT_ID, with_examples
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from common.storage.database import Database
from escalation import use_cases
from escalation.api.deps import EscalationDatabase, refusals, transaction
from escalation.api.examples import COMPLAINT
from escalation.api.schemas import Out
from escalation.domain import complaints, errors
from escalation.domain.complaint_model import ComplaintState
from escalation.domain.complaints import Judgement
from escalation.store.complaints import ComplaintKey
from escalation.store.unit_of_work import UnitOfWork

router = ApiRouter(prefix="/v1/complaints", tags=["complaints"])

ComplaintPath = Annotated[UUID, Path(examples=[COMPLAINT_ID])]
_KEY = TypeAdapter(ComplaintKey)
_ON_COMPLAINT: Final = (
    errors.ComplaintNotFoundError,
    errors.ForbiddenError,
    errors.ComplaintClosedError,
)


class JudgementIn(RequestModel):
    model_config = with_examples({"reason": "The recording shows a friendly call."})

    reason: ShortText = Field(description="Why you judge so.")


class ComplaintListQuery(RequestModel):
    state: list[ComplaintState] = Field(
        default=["open"], min_length=1, max_length=4, description="only in these states"
    )
    contact_id: UUID | None = Field(None, description="only about this contact")
    limit: Limit = 50
    cursor: Cursor = None


class ComplaintOut(Out):
    model_config = with_examples(COMPLAINT)

    complaint_id: ComplaintId = Field(description="The complaint's id.")
    contact_id: ContactId = Field(description="The contact in which it happened.")
    escalation_id: EscalationId = Field(description="The escalation that it raised or joined.")
    about: PersonId = Field(description="Whom it is about.")
    by: PersonId | None = Field(
        description="The colleague who complains, for who may judge it; null is the customer."
    )
    reason: str = Field(description="The words of who complains.")
    raised_at: datetime = Field(description="When it was raised.")
    state: ComplaintState = Field(description="Its state.")
    closed_at: datetime | None = Field(description="When it was judged or withdrawn.")
    judged_by: PersonId | None = Field(description="Who judged it.")
    judgement: str | None = Field(description="Why it was judged so.")


@router.get("")
async def list_complaints(
    query: Annotated[ComplaintListQuery, Query()],
    database: EscalationDatabase,
    caller: StaffUser,
) -> Page[ComplaintOut]:
    """List the complaints that you raised or may judge, the newest first."""
    contact_id = None if query.contact_id is None else ContactId(str(query.contact_id))
    filters = {"state": query.state, "contact_id": contact_id}
    after = decode_cursor(query.cursor, _KEY, filters)
    async with transaction(database) as uow:
        reader = complaints.reader_of(await uow.settings.in_force(), caller.actor, caller.role)
        page = await uow.complaints.page(reader, query.state, contact_id, after, query.limit + 1)
    return Page[ComplaintOut].of(
        page,
        query.limit,
        key=lambda complaint: ComplaintKey(complaint.raised_at, complaint.complaint_id),
        show=ComplaintOut.model_validate,
        filters=filters,
    )


@router.get("/{complaint_id}", responses=refusals(errors.ComplaintNotFoundError))
async def show_complaint(
    complaint_id: ComplaintPath, database: EscalationDatabase, caller: StaffUser
) -> ComplaintOut:
    """Show a complaint to who raised it, who may judge it, and who works on its escalation."""
    async with transaction(database) as uow:
        case = await use_cases.complaint_for(
            ComplaintId(str(complaint_id)), caller.actor, caller.role, uow
        )
    shown = ComplaintOut.model_validate(case.complaint)
    return shown if case.shows_author else shown.model_copy(update={"by": None})


@router.post("/{complaint_id}/uphold", responses=refusals(*_ON_COMPLAINT))
async def uphold(
    complaint_id: ComplaintPath,
    body: JudgementIn,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> ComplaintOut:
    """Find it justified: the person does not act on this escalation."""
    return await _judge(complaint_id, "upheld", body.reason, database, caller)


@router.post("/{complaint_id}/dismiss", responses=refusals(*_ON_COMPLAINT))
async def dismiss(
    complaint_id: ComplaintPath,
    body: JudgementIn,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> ComplaintOut:
    """Find it not justified: the person may act on the escalation again."""
    return await _judge(complaint_id, "dismissed", body.reason, database, caller)


async def _judge(
    complaint_id: UUID,
    verdict: Verdict,
    reason: str,
    database: Database[UnitOfWork],
    caller: Principal,
) -> ComplaintOut:
    async with transaction(database) as uow:
        uow.outbox.cause = caller.name
        judgement = Judgement(caller.actor, caller.role, verdict, reason)
        judged = await use_cases.judge_complaint(ComplaintId(str(complaint_id)), judgement, uow)
    return ComplaintOut.model_validate(judged)


@router.post("/{complaint_id}/withdraw", responses=refusals(*_ON_COMPLAINT))
async def withdraw(
    complaint_id: ComplaintPath, database: EscalationDatabase, caller: StaffUser
) -> ComplaintOut:
    """Take back your complaint: the person may act on the escalation again."""
    async with transaction(database) as uow:
        withdrawn = await use_cases.withdraw_complaint(
            ComplaintId(str(complaint_id)), caller.actor, caller.role, uow
        )
    return ComplaintOut.model_validate(withdrawn)
