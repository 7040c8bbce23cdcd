"""Routes: the representatives and their presence."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from common.contracts.event import PersonId, TeamId
from common.http.access import require_role
from common.http.app import Slug
from common.http.problems import ProblemError
from router import handlers
from router.api.deps import PageLimit, RouterDatabase, Staff, not_found, unit_of_work
from router.api.schemas import PresenceIn, RepresentativeIn, RepresentativeOut, RepresentativePage
from router.domain.errors import RepresentativeNotFoundError
from router.domain.staffing.representatives import Profile, Representative

router = APIRouter(prefix="/v1/representatives", tags=["representatives"])


@router.put("/{representative_id}", dependencies=[Depends(require_role("supervisor", "manager"))])
async def upsert(
    representative_id: Slug, body: RepresentativeIn, database: RouterDatabase
) -> RepresentativeOut:
    """Add a representative, who starts offline, or change one.

    If the capacity is lowered, contacts above it stay with the representative, who gets no more
    until the load is below the capacity.
    """
    profile = Profile(
        name=body.name,
        team_id=TeamId(body.team_id),
        skills=tuple(sorted(body.skills)),
        languages=tuple(sorted(body.languages)),
        capacity=body.capacity,
        auto_accept=body.auto_accept,
        offer_s=body.offer_s,
        active=body.active,
    )
    async with unit_of_work(database) as uow:
        await handlers.upsert(PersonId(representative_id), profile, uow)
        await uow.match()
        return _out(await uow.representatives.lock(PersonId(representative_id)))


@router.get("/{representative_id}")
async def show(
    representative_id: Slug, database: RouterDatabase, _caller: Staff
) -> RepresentativeOut:
    """Show a representative."""
    async with database.transaction() as uow:
        return _out(await uow.representatives.get(PersonId(representative_id)))


@router.get("")
async def list_representatives(
    database: RouterDatabase,
    _caller: Staff,
    cursor: Annotated[Slug | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: PageLimit = 50,
) -> RepresentativePage:
    """List representatives by id."""
    async with database.transaction() as uow:
        found = await uow.representatives.list_after(cursor, limit + 1)
    items = found[:limit]
    return RepresentativePage(
        items=[_out(person) for person in items],
        next_cursor=items[-1].representative_id if len(found) > limit else None,
    )


@router.put("/{representative_id}/presence")
async def set_presence(
    representative_id: Slug, body: PresenceIn, database: RouterDatabase, caller: Staff
) -> RepresentativeOut:
    """Set the presence. Who becomes available gets waiting contacts at once."""
    if caller.role == "representative" and caller.subject != representative_id:
        raise ProblemError(403, "not-yours", "A representative may set their own presence only.")
    async with unit_of_work(database) as uow:
        person_id = PersonId(representative_id)
        await handlers.set_presence(person_id, body.presence, body.reason, uow)
        await uow.match()
        return _out(await uow.representatives.lock(person_id))


def _out(representative: Representative | None) -> RepresentativeOut:
    if representative is None:
        raise not_found(RepresentativeNotFoundError())
    return RepresentativeOut.model_validate(representative)
