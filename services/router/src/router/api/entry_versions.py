"""Routes: all versions of a person's entry and of a workload, and who put each."""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.event import PersonId, TeamId
from common.contracts.people import Position
from common.http.access import SupervisorUser
from common.http.app import PersonPath
from common.http.examples import ACTED_AT, PEOPLE, REPRESENTATIVE, with_examples
from common.http.pagination import ROW_NUMBER, Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from router.api.deps import RouterDatabase, problem_of, refusals
from router.domain.errors import PersonNotFoundError, RepresentativeNotFoundError
from router.domain.staffing.representatives import NEW_WORKLOAD

router = ApiRouter(prefix="/v1", tags=["people"])

T = TypeVar("T")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PersonEntryOut(_Out):
    name: Annotated[str, Field(description="Name as other people see it.")]
    roles: Annotated[list[Position], Field(description="What the person does.")]
    team_id: Annotated[TeamId | None, Field(description="The team.")]
    reports_to: Annotated[PersonId | None, Field(description="The superior.")]
    languages: Annotated[list[str], Field(description="Languages to answer in.")]
    skills: Annotated[list[str], Field(description="Topics of contacts to take.")]
    active: Annotated[bool, Field(description="False once the person has left.")]


class WorkloadOut(_Out):
    capacity: Annotated[int, Field(description="Most contacts at the same time, usually.")]
    auto_accept: Annotated[bool, Field(description="Whether contacts are assigned at once.")]
    offer_s: Annotated[int, Field(description="Seconds to answer an offer.")]


class EntryVersionOut(_Out, Generic[T]):
    version: Annotated[int, Field(description="The number of the version.")]
    put_at: Annotated[datetime, Field(description="When it was put.")]
    put_by: Annotated[str, Field(description="Who put it: a person, or a system as `admin:ops`.")]
    body: Annotated[T, Field(description="What was put.")]


def _example(body: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "put_at": ACTED_AT, "put_by": "admin:ops", "body": body}


class PersonVersionOut(EntryVersionOut[PersonEntryOut]):
    model_config = with_examples(_example({**PEOPLE[REPRESENTATIVE], "active": True}))


class WorkloadVersionOut(EntryVersionOut[WorkloadOut]):
    model_config = with_examples(
        _example(
            {
                "capacity": NEW_WORKLOAD.capacity,
                "auto_accept": NEW_WORKLOAD.auto_accept,
                "offer_s": NEW_WORKLOAD.offer_s,
            }
        )
    )


@router.get("/people/{person_id}/versions", responses=refusals(PersonNotFoundError))
async def list_person_versions(
    person_id: PersonPath,
    database: RouterDatabase,
    _caller: SupervisorUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PersonVersionOut]:
    """List all versions of a person's entry, newest first: who put each, and when.

    Contact methods are not part of the entry.
    """
    filters = {"person_id": person_id}
    before = decode_cursor(cursor, ROW_NUMBER, filters)
    async with database.transaction() as uow:
        if await uow.people.get(person_id) is None:
            raise problem_of(PersonNotFoundError())
        versions = await uow.entry_versions.list_before("person", person_id, before, limit + 1)
    return Page[PersonVersionOut].of(
        versions,
        limit,
        key=lambda version: version.version,
        show=PersonVersionOut.model_validate,
        filters=filters,
    )


@router.get(
    "/representatives/{representative_id}/versions",
    responses=refusals(RepresentativeNotFoundError),
)
async def list_workload_versions(
    representative_id: PersonPath,
    database: RouterDatabase,
    _caller: SupervisorUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WorkloadVersionOut]:
    """List all versions of what a representative usually takes, newest first, and who put each.

    The first comes with the entry that made the representative. What counts until a time only is
    among the adjustments.
    """
    filters = {"representative_id": representative_id}
    before = decode_cursor(cursor, ROW_NUMBER, filters)
    async with database.transaction() as uow:
        if await uow.representatives.get(representative_id) is None:
            raise problem_of(RepresentativeNotFoundError())
        versions = await uow.entry_versions.list_before(
            "workload", representative_id, before, limit + 1
        )
    return Page[WorkloadVersionOut].of(
        versions,
        limit,
        key=lambda version: version.version,
        show=WorkloadVersionOut.model_validate,
        filters=filters,
    )
