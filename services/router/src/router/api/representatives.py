"""Who handles what, and who is there."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from common.contracts.event import PersonId, TeamId
from common.http.access import require_role
from common.http.app import RequestModel, ShortText, Slug
from common.http.problems import ProblemError
from router import handlers
from router.api.deps import RouterDatabase, Staff, unknown, work
from router.domain.errors import RepresentativeNotFoundError
from router.domain.representatives import Presence, Profile, Representative

router = APIRouter(prefix="/v1/representatives", tags=["representatives"])

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]


class NewRepresentative(RequestModel):
    """`skills` are topics of contacts. Without `auto_accept` each contact is an offer to answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Rita",
                    "team_id": "front-line",
                    "skills": ["billing", "orders"],
                    "languages": ["en", "es"],
                    "capacity": 3,
                    "auto_accept": False,
                    "offer_s": 20,
                }
            ]
        }
    )

    name: ShortText
    team_id: Slug
    skills: Annotated[frozenset[Slug], Field(min_length=1, max_length=100)]
    languages: Annotated[frozenset[Language], Field(min_length=1, max_length=20)]
    capacity: Annotated[int, Field(ge=1, le=1000, strict=True)]
    auto_accept: bool = True
    offer_s: Annotated[int, Field(ge=1, le=3600, strict=True)] = 20


class NewPresence(RequestModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "available"}]})

    state: Presence


class ShownRepresentative(BaseModel):
    """`load` counts contacts that it has or is offered, `places` how many more it may get now."""

    model_config = ConfigDict(from_attributes=True)

    representative_id: PersonId
    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool
    offer_s: int
    presence: Presence
    load: int
    places: int
    idle_since: datetime


@router.put("/{representative_id}", dependencies=[Depends(require_role("supervisor", "manager"))])
async def describe(
    representative_id: Slug, new: NewRepresentative, database: RouterDatabase
) -> ShownRepresentative:
    """Add a representative, who starts offline, or change one.

    Contacts that it has stay with it, also above a lowered capacity; it gets no more until it is
    below.
    """
    profile = Profile(
        name=new.name,
        team_id=TeamId(new.team_id),
        skills=tuple(sorted(new.skills)),
        languages=tuple(sorted(new.languages)),
        capacity=new.capacity,
        auto_accept=new.auto_accept,
        offer_s=new.offer_s,
    )
    async with work(database) as uow:
        await handlers.describe(PersonId(representative_id), profile, uow)
        await uow.match()
        return _shown(await uow.representatives.lock(PersonId(representative_id)))


@router.get("/{representative_id}")
async def show(
    representative_id: Slug, database: RouterDatabase, _caller: Staff
) -> ShownRepresentative:
    async with database.transaction() as uow:
        return _shown(await uow.representatives.look(PersonId(representative_id)))


@router.get("")
async def show_all(database: RouterDatabase, _caller: Staff) -> list[ShownRepresentative]:
    async with database.transaction() as uow:
        return [_shown(one) for one in await uow.representatives.look_all()]


@router.put("/{representative_id}/presence")
async def appear(
    representative_id: Slug, new: NewPresence, database: RouterDatabase, caller: Staff
) -> ShownRepresentative:
    """Come, go, or pause. Whoever comes gets the contacts that wait for it at once."""
    if caller.role == "representative" and caller.subject != representative_id:
        raise ProblemError(403, "not-yours", "A representative speaks for its own presence only.")
    async with work(database) as uow:
        await handlers.appear(PersonId(representative_id), new.state, uow)
        await uow.match()
        return _shown(await uow.representatives.lock(PersonId(representative_id)))


def _shown(representative: Representative | None) -> ShownRepresentative:
    if representative is None:
        raise unknown(RepresentativeNotFoundError())
    return ShownRepresentative.model_validate(representative)
