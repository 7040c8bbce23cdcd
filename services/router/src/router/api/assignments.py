"""Routes: who has a contact, and what a representative does with it."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field, TypeAdapter

from common.contracts.event import UUID_PATTERN, ContactId, Event, PersonId
from common.http.access import StaffUser
from common.http.app import ContactPath, Slug
from common.http.pagination import ROW_NUMBER, Cursor, Limit, Page, cut_page, decode_cursor
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from router import handlers
from router.api.deps import (
    NOT_YOURS,
    ON_ACTION,
    RouterDatabase,
    problem_of,
    refusals,
    restricted_to,
    unit_of_work,
)
from router.api.history import sentence
from router.api.schemas import (
    AssignmentDetail,
    AssignmentOut,
    DeclineIn,
    HistoryEntry,
    ReferralIn,
    ReleaseIn,
)
from router.domain.assignments import Assignment, State
from router.domain.errors import AssignmentNotFoundError
from router.store import UnitOfWork

router = ApiRouter(prefix="/v1/assignments", tags=["assignments"])

_CURSOR_KEY = TypeAdapter(Annotated[ContactId, Field(pattern=f"^{UUID_PATTERN}$")])


@router.get("", responses=refusals(others=(NOT_YOURS,)))
async def list_assignments(
    database: RouterDatabase,
    caller: StaffUser,
    state: Annotated[list[State], Query(description="Only these states; all if left out.")] = [],  # noqa: B006 - FastAPI copies it
    representative: Annotated[
        Slug | None, Query(description="Only contacts assigned or offered to this person.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AssignmentOut]:
    """List assignments, newest contact first. A representative sees their own only."""
    own = restricted_to(caller)
    if own is not None and representative not in (None, own):
        raise ProblemError(*NOT_YOURS, "A representative may list their own contacts only.")
    holder = own or (PersonId(representative) if representative else None)
    filters = {"state": state, "representative": holder}
    before = decode_cursor(cursor, _CURSOR_KEY, filters)
    async with database.transaction() as uow:
        assignments = await uow.assignments.list_before(
            before, limit + 1, states=state, representative_id=holder
        )
    return Page[AssignmentOut].of(
        assignments,
        limit,
        key=lambda assignment: assignment.contact_id,
        show=lambda assignment: AssignmentOut(**_fields(assignment, own)),
        filters=filters,
    )


@router.get("/{contact_id}", responses=refusals(AssignmentNotFoundError))
async def show(
    contact_id: ContactPath,
    database: RouterDatabase,
    caller: StaffUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AssignmentDetail:
    """Show who has the contact, and a page of the decisions that led there.

    A representative sees contacts that they have or had, or that were offered to them, without
    the reasons that colleagues gave.
    """
    reader = restricted_to(caller)
    filters = {"contact_id": contact_id}
    after = decode_cursor(cursor, ROW_NUMBER, filters)
    async with database.transaction() as uow:
        assignment = await uow.assignments.get(contact_id)
        if assignment and reader and not await uow.assignments.was_offered(assignment, reader):
            raise problem_of(AssignmentNotFoundError())
        events = await uow.assignments.history(contact_id, after or 0, limit + 1)
    shown, next_cursor = cut_page(events, limit, key=lambda row: row[0], filters=filters)
    history = [_entry(event, reader) for _, event in shown]
    return AssignmentDetail(**_fields(assignment, reader), history=history, next_cursor=next_cursor)


@router.post("/{contact_id}/accept", responses=refusals(*ON_ACTION))
async def accept(
    contact_id: ContactPath, database: RouterDatabase, caller: StaffUser
) -> AssignmentOut:
    """Accept the offer."""
    async with unit_of_work(database, caller, contact_id) as uow:
        await handlers.accept(contact_id, restricted_to(caller), uow)
        return await _matched(contact_id, restricted_to(caller), uow)


@router.post("/{contact_id}/decline", responses=refusals(*ON_ACTION))
async def decline(
    contact_id: ContactPath, body: DeclineIn, database: RouterDatabase, caller: StaffUser
) -> AssignmentOut:
    """Decline the offer; it goes to somebody else."""
    async with unit_of_work(database, caller, contact_id) as uow:
        await handlers.decline(contact_id, restricted_to(caller), body.reason, uow)
        return await _matched(contact_id, restricted_to(caller), uow)


@router.post("/{contact_id}/complete", responses=refusals(*ON_ACTION))
async def complete(
    contact_id: ContactPath, database: RouterDatabase, caller: StaffUser
) -> AssignmentOut:
    """End the work on a contact; its slot is free for the next one.

    It does not resolve the contact: that is done where it came from, or in intake.
    """
    async with unit_of_work(database, caller, contact_id) as uow:
        await handlers.complete(contact_id, restricted_to(caller), uow)
        return await _matched(contact_id, restricted_to(caller), uow)


@router.post("/{contact_id}/refer", responses=refusals(*ON_ACTION))
async def refer(
    contact_id: ContactPath, body: ReferralIn, database: RouterDatabase, caller: StaffUser
) -> AssignmentOut:
    """Ask a supervisor to take the contact. Its representative keeps it until one does."""
    async with unit_of_work(database, caller, contact_id) as uow:
        await handlers.refer(contact_id, restricted_to(caller), body.reason, uow)
        return await _matched(contact_id, restricted_to(caller), uow)


@router.post("/{contact_id}/release", responses=refusals(*ON_ACTION))
async def release(
    contact_id: ContactPath, body: ReleaseIn, database: RouterDatabase, caller: StaffUser
) -> AssignmentOut:
    """Give the contact back: to another available representative, or to the queue."""
    async with unit_of_work(database, caller, contact_id) as uow:
        await handlers.release(contact_id, restricted_to(caller), body.reason, uow)
        return await _matched(contact_id, restricted_to(caller), uow)


async def _matched(
    contact_id: ContactId, reader: PersonId | None, uow: UnitOfWork
) -> AssignmentOut:
    """Match now, so that the answer shows where the contact went."""
    await uow.match()
    return AssignmentOut(**_fields(await uow.assignments.lock(contact_id), reader))


def _fields(assignment: Assignment | None, reader: PersonId | None) -> dict[str, Any]:
    if assignment is None or assignment.need is None:
        raise problem_of(AssignmentNotFoundError())
    unserved = assignment.unserved_need
    queues = {
        "queue": assignment.need.queue,
        "unserved_queue": unserved.queue if unserved else None,
    }
    names = AssignmentOut.model_fields.keys() - queues.keys()
    fields = {name: getattr(assignment, name) for name in names}
    if reader not in (None, assignment.representative_id):
        fields["referral"] = None
    return {**queues, **fields}


def _entry(event: Event, reader: PersonId | None) -> HistoryEntry:
    return HistoryEntry(at=event.occurred_at, type=event.type, text=sentence(event, reader))
