"""Who has a contact, and what a representative does with it."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from common.contracts.event import ContactId, Event, PersonId
from common.http.app import ContactPath, RequestModel, ShortText
from router import handlers
from router.api.deps import RouterDatabase, Staff, person, unknown, work
from router.domain.assignments import Assignment, State
from router.domain.errors import AssignmentNotFoundError
from router.domain.history import sentence
from router.store import UnitOfWork

router = APIRouter(prefix="/v1/assignments", tags=["assignments"])


class Decline(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "I know this customer privately."}]}
    )

    reason: ShortText


class Referral(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Wants a credit above my limit, very angry."}]}
    )

    reason: ShortText


class Release(RequestModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"because": "My shift ends."}]})

    because: ShortText


class ShownAssignment(BaseModel):
    """`because` is why it is where it is; `passed` are those who let it pass in this round."""

    contact_id: ContactId
    state: State
    since: datetime
    queue: str
    representative_id: PersonId | None
    because: str
    waiting_since: datetime
    passed: tuple[PersonId, ...]
    referral: str | None
    supervisor_id: PersonId | None


class Step(BaseModel):
    at: datetime
    type: str
    what: str


class ShownHistory(ShownAssignment):
    history: list[Step]


@router.get("/{contact_id}")
async def show(contact_id: ContactPath, database: RouterDatabase, _caller: Staff) -> ShownHistory:
    """Show who has the contact, and every decision that led there."""
    async with database.transaction() as uow:
        assignment = await uow.assignments.look(contact_id)
        history = await uow.assignments.history(contact_id)
    return ShownHistory(**_fields(assignment), history=[_step(event) for event in history])


@router.post("/{contact_id}/accept")
async def accept(
    contact_id: ContactPath, database: RouterDatabase, caller: Staff
) -> ShownAssignment:
    """Take what is offered."""
    async with work(database, contact_id) as uow:
        await handlers.accept(contact_id, person(caller), uow)
        return await _settled(contact_id, uow)


@router.post("/{contact_id}/decline")
async def decline(
    contact_id: ContactPath, asked: Decline, database: RouterDatabase, caller: Staff
) -> ShownAssignment:
    """Let what is offered go to somebody else."""
    async with work(database, contact_id) as uow:
        await handlers.decline(contact_id, person(caller), asked.reason, uow)
        return await _settled(contact_id, uow)


@router.post("/{contact_id}/complete")
async def complete(
    contact_id: ContactPath, database: RouterDatabase, caller: Staff
) -> ShownAssignment:
    """End the work on a contact; the place is free for the next one."""
    async with work(database, contact_id) as uow:
        await handlers.complete(contact_id, person(caller), uow)
        return await _settled(contact_id, uow)


@router.post("/{contact_id}/refer")
async def refer(
    contact_id: ContactPath, asked: Referral, database: RouterDatabase, caller: Staff
) -> ShownAssignment:
    """Ask a supervisor to take it. It stays with its representative until one does."""
    async with work(database, contact_id) as uow:
        await handlers.refer(contact_id, person(caller), asked.reason, uow)
        return await _settled(contact_id, uow)


@router.post("/{contact_id}/release")
async def release(
    contact_id: ContactPath, asked: Release, database: RouterDatabase, caller: Staff
) -> ShownAssignment:
    """Give it back: to somebody else who is free, or to the queue."""
    async with work(database, contact_id) as uow:
        await handlers.release(contact_id, person(caller), asked.because, uow)
        return await _settled(contact_id, uow)


async def _settled(contact_id: ContactId, uow: UnitOfWork) -> ShownAssignment:
    await uow.match()
    return ShownAssignment(**_fields(await uow.assignments.lock(contact_id)))


def _fields(assignment: Assignment | None) -> dict[str, object]:
    if assignment is None or assignment.need is None:
        raise unknown(AssignmentNotFoundError())
    names = ShownAssignment.model_fields.keys() - {"queue"}
    return {"queue": assignment.need.queue, **{name: getattr(assignment, name) for name in names}}


def _step(event: Event) -> Step:
    return Step(at=event.occurred_at, type=event.type, what=sentence(event))
