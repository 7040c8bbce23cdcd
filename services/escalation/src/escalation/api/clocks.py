"""The promises made to one contact, explained."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from common.contracts.escalations import ClockName
from common.contracts.event import ContactId
from common.http import ContactPath
from escalation.api.answers import EscalationDatabase, Staff, work
from escalation.domain import words
from escalation.domain.watches import Clock, ClockState
from escalation.store import UnknownContact

router = APIRouter(prefix="/v1/contacts", tags=["clocks"])


class ShownThreshold(BaseModel):
    """100 percent is the deadline itself."""

    percent: int
    due_at: datetime
    fired_at: datetime | None
    lateness_ms: float | None


class ShownRef(BaseModel):
    id: str
    version: int


class ShownClock(BaseModel):
    """`words` tells it all; `left_s` is what is left until the deadline, below nothing if late."""

    clock: ClockName
    state: ClockState
    words: str
    policy: ShownRef
    calendar: ShownRef | None
    target_s: float
    started_at: datetime
    due_at: datetime
    thresholds: list[ShownThreshold]
    met_at: datetime | None
    cancelled_at: datetime | None
    left_s: float | None


class ShownClocks(BaseModel):
    contact_id: ContactId
    at: datetime
    clocks: list[ShownClock]


@router.get("/{contact_id}/clocks")
async def show_clocks(
    contact_id: ContactPath, database: EscalationDatabase, _caller: Staff
) -> ShownClocks:
    """Show each promise to a contact: what, by which policy, until when, and what became of it."""
    async with work(database) as uow:
        watch = (await uow.watches.look([contact_id])).get(contact_id)
        if watch is None:
            raise UnknownContact
    return ShownClocks(
        contact_id=contact_id,
        at=uow.now,
        clocks=[_shown(clock, uow.now) for clock in watch.clocks],
    )


def _shown(clock: Clock, at: datetime) -> ShownClock:
    return ShownClock(
        clock=clock.name,
        state=clock.state,
        words=words.explanation(clock, at),
        policy=ShownRef(id=clock.policy.id, version=clock.policy.version),
        calendar=ShownRef.model_validate(clock.calendar, from_attributes=True)
        if clock.calendar
        else None,
        target_s=clock.target_s,
        started_at=clock.started_at,
        due_at=clock.due_at,
        thresholds=[
            ShownThreshold.model_validate(threshold, from_attributes=True)
            for threshold in clock.thresholds
        ],
        met_at=clock.met_at,
        cancelled_at=clock.cancelled_at,
        left_s=None if clock.ended else (clock.due_at - at).total_seconds(),
    )
