"""Routes: other contacts for a representative until a time."""

from fastapi import Response

from common.http.access import StaffUser, SupervisorUser
from common.http.app import PersonPath
from common.http.if_match import WritePrecondition, etag
from common.http.pagination import ROW_NUMBER, Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from router import use_cases
from router.api.adjustment_schemas import AdjustmentIn, AdjustmentOut
from router.api.deps import (
    NOT_YOURS,
    RouterDatabase,
    caller_of,
    refusals,
    restricted_to,
    unit_of_work,
)
from router.domain.errors import PersonForbiddenError, RepresentativeNotFoundError
from router.domain.staffing.adjustments import AdjustmentEntry, StaleAdjustmentError

router = ApiRouter(prefix="/v1/representatives", tags=["representatives"])


@router.put(
    "/{representative_id}/adjustment",
    responses=refusals(RepresentativeNotFoundError, PersonForbiddenError, StaleAdjustmentError),
)
async def put_adjustment(
    representative_id: PersonPath,
    body: AdjustmentIn,
    database: RouterDatabase,
    caller: SupervisorUser,
    precondition: WritePrecondition,
    response: Response,
) -> AdjustmentOut:
    """Let a person take other contacts until a time; an adjustment in force is replaced.

    Supervisors of the person's team may, and who is above the person; nobody for themselves. It
    counts at once: free slots get waiting contacts, offers above a lower capacity and those that
    no longer fit go to others, and assigned contacts stay. It ends by itself at `ends_at`, and as
    soon as the person's entry changes so that no contact would fit.
    """
    entry = AdjustmentEntry(
        reason=body.reason,
        ends_at=body.ends_at,
        capacity=body.capacity,
        added_skills=tuple(sorted(body.added_skills)),
        removed_skills=tuple(sorted(body.removed_skills)),
        only_skills=tuple(sorted(body.only_skills)),
        only_languages=tuple(sorted(body.only_languages)),
    )
    async with unit_of_work(database, caller) as uow:
        adjustment = await use_cases.adjust(
            caller_of(caller), representative_id, entry, uow, precondition
        )
        await uow.match()
    response.headers["ETag"] = etag(adjustment.number)
    return AdjustmentOut.model_validate(adjustment)


@router.delete(
    "/{representative_id}/adjustment",
    status_code=204,
    response_class=Response,
    responses=refusals(RepresentativeNotFoundError, PersonForbiddenError, StaleAdjustmentError),
)
async def withdraw_adjustment(
    representative_id: PersonPath,
    database: RouterDatabase,
    caller: SupervisorUser,
    precondition: WritePrecondition,
) -> Response:
    """Let what is usual count again, now, if anything is adjusted. Who may adjust may do this."""
    async with unit_of_work(database, caller) as uow:
        await use_cases.withdraw_adjustment(caller_of(caller), representative_id, uow, precondition)
    return Response(status_code=204)


@router.get("/{representative_id}/adjustments", responses=refusals(others=(NOT_YOURS,)))
async def list_adjustments(
    representative_id: PersonPath,
    database: RouterDatabase,
    caller: StaffUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AdjustmentOut]:
    """List the adjustments of a person, newest first: who set and ended each, when and why.

    They are kept for 400 days. A representative lists the own ones.
    """
    if restricted_to(caller) not in (None, representative_id):
        raise ProblemError(*NOT_YOURS, "A representative may list their own adjustments only.")
    filters = {"representative_id": representative_id}
    before = decode_cursor(cursor, ROW_NUMBER, filters)
    async with database.transaction() as uow:
        adjustments = await uow.adjustments.list_before(representative_id, before, limit + 1)
    return Page[AdjustmentOut].of(
        adjustments,
        limit,
        key=lambda adjustment: adjustment.number,
        show=AdjustmentOut.model_validate,
        filters=filters,
    )
