"""Routes: the representatives and their presence."""

from fastapi import Depends
from pydantic import TypeAdapter

from common.contracts.event import PersonId
from common.http.access import StaffUser, require_role
from common.http.app import PersonPath, Slug
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from router import handlers, use_cases
from router.api.deps import (
    NOT_YOURS,
    RouterDatabase,
    problem_of,
    refusals,
    restricted_to,
    unit_of_work,
)
from router.api.schemas import PresenceIn, RepresentativeOut, WorkloadIn
from router.domain.errors import RepresentativeNotFoundError
from router.domain.staffing.representatives import Representative, Workload

router = ApiRouter(prefix="/v1/representatives", tags=["representatives"])

_CURSOR_KEY = TypeAdapter(Slug)


@router.put(
    "/{representative_id}",
    dependencies=[Depends(require_role("supervisor", "manager"))],
    responses=refusals(RepresentativeNotFoundError),
)
async def set_workload(
    representative_id: PersonPath, body: WorkloadIn, database: RouterDatabase
) -> RepresentativeOut:
    """Set how many contacts a representative may have, and whether they are offered.

    The representative itself follows from `PUT /v1/people/{id}` with the role `representative`. If
    the capacity is lowered, assigned contacts above it stay with the representative, who gets no
    more until the load is below the capacity; the newest offers above it go to others at once.
    """
    workload = Workload(body.capacity, body.auto_accept, body.offer_s)
    async with unit_of_work(database) as uow:
        await use_cases.set_workload(representative_id, workload, uow)
        await uow.match()
        return _out(await uow.representatives.lock(representative_id))


@router.get("/{representative_id}", responses=refusals(RepresentativeNotFoundError))
async def show(
    representative_id: PersonPath, database: RouterDatabase, caller: StaffUser
) -> RepresentativeOut:
    """Show a representative."""
    async with database.transaction() as uow:
        person = await uow.representatives.get(representative_id)
    return _out(person, restricted_to(caller))


@router.get("")
async def list_representatives(
    database: RouterDatabase,
    caller: StaffUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[RepresentativeOut]:
    """List representatives by id."""
    after = decode_cursor(cursor, _CURSOR_KEY)
    async with database.transaction() as uow:
        people = await uow.representatives.list_after(after, limit + 1)
    return Page[RepresentativeOut].of(
        people,
        limit,
        key=lambda person: person.representative_id,
        show=lambda person: _out(person, restricted_to(caller)),
    )


@router.put(
    "/{representative_id}/presence",
    responses=refusals(RepresentativeNotFoundError, others=(NOT_YOURS,)),
)
async def set_presence(
    representative_id: PersonPath, body: PresenceIn, database: RouterDatabase, caller: StaffUser
) -> RepresentativeOut:
    """Set the presence. Who becomes available gets waiting contacts at once."""
    if restricted_to(caller) not in (None, representative_id):
        raise ProblemError(*NOT_YOURS, "A representative may set their own presence only.")
    async with unit_of_work(database) as uow:
        await handlers.set_presence(representative_id, body.presence, body.reason, uow)
        await uow.match()
        return _out(await uow.representatives.lock(representative_id))


def _out(
    representative: Representative | None, reader: PersonId | None = None
) -> RepresentativeOut:
    """Without the reason of the presence, if `reader` is a colleague."""
    if representative is None:
        raise problem_of(RepresentativeNotFoundError())
    shown = RepresentativeOut.model_validate(representative)
    if reader in (None, shown.representative_id):
        return shown
    return shown.model_copy(update={"presence_reason": None})
