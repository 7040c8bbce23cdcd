"""The versions of a duty schedule: those of the past, the one in force, and those to come."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from common.http.access import StaffUser
from common.http.examples import with_examples
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from escalation.api.deps import EscalationDatabase, refusals, transaction
from escalation.api.examples import DUTY_VERSION
from escalation.api.schemas import Out
from escalation.api.settings import SchedulePath, get_or_404
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.versions import VersionPeriod, VersionState, version_periods
from escalation.domain.errors import SettingNotFoundError
from escalation.store.settings import SettingRow

router = ApiRouter(prefix="/v1/duty-schedules", tags=["duty"])

_CURSOR_KEY = TypeAdapter(Annotated[int, Field(ge=1, lt=2**31)])


class DutyVersionOut(Out):
    model_config = with_examples(DUTY_VERSION)

    version: int = Field(description="The number of the version.")
    state: VersionState = Field(
        description="`planned`: it begins later; `replaced`: a later version took its place before "
        "it began, so it never counts."
    )
    from_: datetime | None = Field(alias="from", description="When it begins to count.")
    until: datetime | None = Field(
        description="When a later version follows it; null if none does. Of one that was replaced "
        "its start."
    )
    put_at: datetime = Field(description="When it was put.")
    put_by: str = Field(description="Who put it.")
    body: DutySchedule = Field(description="The schedule as it can be put again.")

    @classmethod
    def of(cls, row: SettingRow[DutySchedule], period: VersionPeriod) -> "DutyVersionOut":
        return cls.model_validate(
            {
                "version": row.version,
                "state": period.state,
                "from": row.body.from_,
                "until": period.until,
                "put_at": row.put_at,
                "put_by": row.put_by,
                "body": row.body,
            }
        )


@router.get("/{setting_id}/versions", responses=refusals(SettingNotFoundError))
async def list_versions(
    setting_id: SchedulePath,
    database: EscalationDatabase,
    _caller: StaffUser,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DutyVersionOut]:
    """List all versions of the schedule, planned ones too, the one that was put last first.

    Of the versions that have begun the one put last is in force. To take a planned version back,
    put the one before it again with the same `from`.
    """
    filters = {"setting_id": setting_id}
    before = decode_cursor(cursor, _CURSOR_KEY, filters)
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        rows, now = await uow.settings.rows_of(DutySchedule, setting_id), uow.now
    periods = version_periods([row.body for row in rows], now)
    listed = [
        (row, period)
        for row, period in zip(rows, periods, strict=True)
        if before is None or row.version < before
    ]
    return Page[DutyVersionOut].of(
        listed[::-1],
        limit,
        key=lambda each: each[0].version,
        show=lambda each: DutyVersionOut.of(*each),
        filters=filters,
    )
