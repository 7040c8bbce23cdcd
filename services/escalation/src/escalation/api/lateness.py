"""How late deadlines were noticed, by the policies that set them."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from escalation.api.deps import EscalationDatabase, StaffUser, check_length, transaction
from escalation.domain.duty.schedules import Instant
from escalation.domain.lateness import LATENESS_TOLERANCE_MS, Kind
from escalation.domain.types import SettingId

router = APIRouter(prefix="/v1/lateness", tags=["lateness"])

_USUALLY = timedelta(hours=24)
_LONGEST = timedelta(days=31)


class LatenessQuery(BaseModel, extra="forbid"):
    since: Instant | None = Field(None, description="24 hours before `until`, if not given")
    until: Instant | None = Field(None, description="now, if not given")
    policy: SettingId | None = None


class LatenessOut(BaseModel):
    """`policy` is nil for what escalations wait for, and for events of older versions."""

    policy: str | None
    kind: Kind
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    over_50_ms: int = Field(
        description=f"how many were noticed over {LATENESS_TOLERANCE_MS} ms late"
    )


class LatenessReport(BaseModel):
    since: datetime
    until: datetime
    deadlines: list[LatenessOut]


@router.get("")
async def show_lateness(
    asked: Annotated[LatenessQuery, Query()], database: EscalationDatabase, _caller: StaffUser
) -> LatenessReport:
    """Show how late each deadline was noticed, of all from `since` to `until`, 31 days at most.

    A clock's kind is its name; an escalation waits for an answer or for the end of a lease.
    """
    async with transaction(database) as uow:
        until = asked.until or uow.now
        since = asked.since or until - _USUALLY
        check_length(since, until, _LONGEST, "query/until", after="since")
        found = await uow.queries.lateness(since, until, asked.policy)
    return LatenessReport(
        since=since,
        until=until,
        deadlines=[LatenessOut.model_validate(one, from_attributes=True) for one in found],
    )
