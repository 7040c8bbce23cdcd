"""Routes: the people who work here. All services take up what is put here."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import Field, TypeAdapter

from common.contracts.event import PersonId, TeamId
from common.contracts.people import ContactMethod
from common.http.access import ManagerUser, StaffUser
from common.http.app import PersonPath, RequestModel, Slug
from common.http.if_match import WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from router import use_cases
from router.api.deps import RouterDatabase, caller_of, problem_of, refusals, unit_of_work
from router.api.schemas import PersonIn, PersonOut
from router.domain.errors import FrequentChangesError, PersonForbiddenError, PersonNotFoundError
from router.domain.staffing.people import PersonEntry, StalePersonError

router = ApiRouter(prefix="/v1/people", tags=["people"])

_CURSOR_KEY = TypeAdapter(Slug)


class PeopleQuery(RequestModel):
    active: bool | None = Field(None, description="only who has not left, or only who has")
    limit: Limit = 50
    cursor: Cursor = None


@router.put(
    "/{person_id}",
    responses=refusals(PersonForbiddenError, StalePersonError, FrequentChangesError),
)
async def put_person(
    person_id: PersonPath,
    body: PersonIn,
    database: RouterDatabase,
    principal: ManagerUser,
    precondition: WritePrecondition,
    response: Response,
) -> PersonOut:
    """Put the whole entry of a person; what it leaves out is empty, but contact methods stay.

    An admin puts everybody. A manager puts people below in the reporting line in force; they, and
    new ones, report to the manager or to somebody below. The own entry, those of superiors and of
    people beside are the admin's, and so is a first entry of who has the API key of a supervisor or
    manager. A manager makes somebody supervisor of a team only if all its people are below the
    manager. A person ends with `active: false`, once nobody who is active reports to them; all
    services then revoke the API keys of that person.

    Escalation and notifier learn of it by an event, a moment later. The role `representative` makes
    a representative, who is offline and gets three contacts at a time until that is changed.
    """
    entry = PersonEntry(
        name=body.name,
        roles=tuple(sorted(body.roles)),
        team_id=TeamId(body.team_id) if body.team_id else None,
        reports_to=PersonId(body.reports_to) if body.reports_to else None,
        languages=tuple(sorted(body.languages)),
        skills=tuple(sorted(body.skills)),
        active=body.active,
    )
    contact_methods = None
    if body.contact_methods is not None:
        contact_methods = [
            ContactMethod(medium=method.medium, details=method.model_dump(exclude={"medium"}))
            for method in body.contact_methods
        ]
    async with unit_of_work(database, principal) as uow:
        person = await use_cases.put_person(
            caller_of(principal), person_id, entry, contact_methods, uow, precondition
        )
        await uow.match()
    response.headers["ETag"] = etag(person.version)
    return PersonOut.model_validate(person)


@router.get("/{person_id}", responses=refusals(PersonNotFoundError))
async def show_person(
    person_id: PersonPath, database: RouterDatabase, _caller: StaffUser, response: Response
) -> PersonOut:
    """Show a person. Contact methods are personal data: notifier shows them to who may see them."""
    async with database.transaction() as uow:
        person = await uow.people.get(person_id)
    if person is None:
        raise problem_of(PersonNotFoundError())
    response.headers["ETag"] = etag(person.version)
    return PersonOut.model_validate(person)


@router.get("")
async def list_people(
    query: Annotated[PeopleQuery, Query()], database: RouterDatabase, _caller: StaffUser
) -> Page[PersonOut]:
    """List people by id, also those who have left."""
    filters = {"active": query.active}
    after = decode_cursor(query.cursor, _CURSOR_KEY, filters)
    async with database.transaction() as uow:
        people = await uow.people.list_after(after, query.limit + 1, active=query.active)
    return Page[PersonOut].of(
        people,
        query.limit,
        key=lambda person: person.person_id,
        show=PersonOut.model_validate,
        filters=filters,
    )
