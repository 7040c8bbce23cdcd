"""How late deadlines were noticed, by the policies that set them."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from escalation.api.deps import EscalationDatabase, Staff, check_length, work
from escalation.domain.duty.schedules import Instant
from escalation.domain.lateness import TOLERATED_MS, Kind
from escalation.domain.types import SettingId

router = APIRouter(prefix="/v1/lateness", tags=["lateness"])

_USUALLY = timedelta(hours=24)
_LONGEST = timedelta(days=31)


class Asked(BaseModel, extra="forbid"):
    since: Instant | None = Field(None, description="24 hours before `until`, if not given")
    until: Instant | None = Field(None, description="now, if not given")
    policy: SettingId | None = None


class ShownLateness(BaseModel):
    """`policy` is nil for what escalations wait for, and for events of older versions."""

    policy: str | None
    kind: Kind
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    over_50_ms: int = Field(description=f"how many were noticed over {TOLERATED_MS} ms late")


class ShownLatenesses(BaseModel):
    since: datetime
    until: datetime
    deadlines: list[ShownLateness]


@router.get("")
async def show_lateness(
    asked: Annotated[Asked, Query()], database: EscalationDatabase, _caller: Staff
) -> ShownLatenesses:
    """Show how late each deadline was noticed, of all from `since` to `until`, 31 days at most.

    A clock's kind is its name; an escalation waits for an answer or for the end of a lease.
    """
    async with work(database) as uow:
        until = asked.until or uow.now
        since = asked.since or until - _USUALLY
        check_length(since, until, _LONGEST, "query/until", after="since")
        found = await uow.reading.lateness(since, until, asked.policy)
    return ShownLatenesses(
        since=since,
        until=until,
        deadlines=[ShownLateness.model_validate(one, from_attributes=True) for one in found],
    )
