"""Routes: the representatives and their presence."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Query
from pydantic import Field, TypeAdapter

from common.contracts.contract import Instant
from common.contracts.event import PersonId
from common.contracts.people import Presence
from common.http.access import StaffUser, SupervisorUser
from common.http.app import PersonPath, RequestModel, Slug
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError, invalid
from common.http.routes import ApiRouter
from router import handlers, use_cases
from router.api.adjustment_schemas import AdjustmentOut
from router.api.deps import (
    NOT_YOURS,
    RouterDatabase,
    caller_of,
    problem_of,
    refusals,
    restricted_to,
    unit_of_work,
)
from router.api.schemas import (
    HeldContactOut,
    PresenceIn,
    RepresentativeOut,
    RepresentativeStatusOut,
    WorkloadIn,
)
from router.domain.errors import RepresentativeNotFoundError
from router.domain.staffing.representatives import Representative, Workload
from router.store import UnitOfWork

router = ApiRouter(prefix="/v1/representatives", tags=["representatives"])

_CURSOR_KEY = TypeAdapter(Slug)
_LONGEST_BACK: Final = timedelta(days=7)


class RepresentativeQuery(RequestModel):
    team: list[Slug] = Field([], description="only of these teams")
    presence: list[Presence] = Field([], description="only with one of these presences")
    active: bool | None = Field(None, description="only who has not left, or only who has")
    missed_since: Instant | None = Field(
        None,
        description="from when missed offers count, such as midnight where you are, at most seven "
        "days ago; if not given, from when the day began in UTC",
    )
    limit: Limit = 50
    cursor: Cursor = None


@router.put(
    "/{representative_id}",
    responses=refusals(RepresentativeNotFoundError),
)
async def set_workload(
    representative_id: PersonPath,
    body: WorkloadIn,
    database: RouterDatabase,
    caller: SupervisorUser,
) -> RepresentativeOut:
    """Set how many contacts a representative usually has, and whether they are offered.

    The representative itself follows from `PUT /v1/people/{id}` with the role `representative`. If
    the capacity is lowered, assigned contacts above it stay with the representative, who gets no
    more until the load is below the capacity; the newest offers above it go to others at once. The
    capacity of an adjustment counts until that ends.
    """
    workload = Workload(body.capacity, body.auto_accept, body.offer_s)
    async with unit_of_work(database, caller) as uow:
        await use_cases.set_workload(caller_of(caller), representative_id, workload, uow)
        await uow.match()
        return _out(await uow.representatives.lock(representative_id))


@router.get("/{representative_id}", responses=refusals(RepresentativeNotFoundError))
async def show(
    representative_id: PersonPath, database: RouterDatabase, caller: StaffUser
) -> RepresentativeStatusOut:
    """Show a representative, with what that person works on longest."""
    async with database.transaction() as uow:
        person = await uow.representatives.get(representative_id)
        if person is None:
            raise problem_of(RepresentativeNotFoundError())
        (shown,) = await _with_status([person], restricted_to(caller), _day_of(uow.now), uow)
    return shown


@router.get("")
async def list_representatives(
    query: Annotated[RepresentativeQuery, Query()], database: RouterDatabase, caller: StaffUser
) -> Page[RepresentativeStatusOut]:
    """List representatives by id: presence, load, longest contact and missed offers of each."""
    filters = query.model_dump(mode="json", include={"team", "presence", "active"})
    after = decode_cursor(query.cursor, _CURSOR_KEY, filters)
    async with database.transaction() as uow:
        missed_since = query.missed_since or _day_of(uow.now)
        if not uow.now - _LONGEST_BACK <= missed_since <= uow.now:
            raise invalid(("query/missed_since", "It must be in the last seven days."))
        people = await uow.representatives.list_after(
            after,
            query.limit + 1,
            teams=query.team,
            presences=query.presence,
            active=query.active,
        )
        shown = await _with_status(people, restricted_to(caller), missed_since, uow)
    return Page[RepresentativeStatusOut].of(
        shown,
        query.limit,
        key=lambda person: person.representative_id,
        show=lambda person: person,
        filters=filters,
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
    async with unit_of_work(database, caller) as uow:
        await handlers.set_presence(representative_id, body.presence, body.reason, uow)
        await uow.match()
        return _out(await uow.representatives.lock(representative_id))


def _day_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def _with_status(
    people: Sequence[Representative],
    reader: PersonId | None,
    missed_since: datetime,
    uow: UnitOfWork,
) -> list[RepresentativeStatusOut]:
    """Show each; of colleagues a `reader` sees neither their contacts nor what they missed."""
    ids = [person.representative_id for person in people]
    readable = [person_id for person_id in ids if reader in (None, person_id)]
    contacts = await uow.staffing.longest_contacts(readable) if readable else {}
    missed = await uow.staffing.missed_offers(readable, missed_since) if readable else {}
    adjustments = await uow.adjustments.in_force(readable) if readable else {}
    shown = []
    for person in people:
        person_id = person.representative_id
        contact, adjustment = contacts.get(person_id), adjustments.get(person_id)
        shown.append(
            RepresentativeStatusOut(
                **dict(_out(person, reader)),
                longest_contact=contact and HeldContactOut.model_validate(contact),
                missed_offers=missed.get(person_id, 0) if person_id in readable else None,
                adjustment=adjustment and AdjustmentOut.model_validate(adjustment),
            )
        )
    return shown


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
