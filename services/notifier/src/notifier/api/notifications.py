"""Who was told what: every notification with its attempts, so that each can explain itself."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from common.contracts.escalations import Severity
from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.contracts.notifications import Medium
from notifier.api.deps import Leads, NotifierDatabase, work
from notifier.domain.notifications import (
    Attempt,
    AttemptOutcome,
    Kind,
    Notification,
    State,
)
from notifier.domain.reasons import Reason
from notifier.store import Filter

router = APIRouter(prefix="/v1/notifications", tags=["notifications"])

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ShownAttempt(_Shown):
    """`unknown`: it may have arrived, and was tried again all the same."""

    attempt: int
    started_at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    detail: str | None


class ShownContent(_Shown):
    reason: Reason
    headline: str
    why: str
    severity: Severity | None
    level_name: str | None
    respond_by: datetime | None
    settled: str | None


class ShownNotification(_Shown):
    """`because` says why it failed, was cancelled, or went by media that were not asked for.

    `due_at` is the next attempt.
    """

    notification_id: NotificationId
    kind: Kind
    state: State
    page_id: PageId
    contact_id: ContactId
    escalation_id: EscalationId | None
    person_id: PersonId
    medium: Medium | None
    content: ShownContent
    requested_at: datetime
    due_at: datetime | None
    because: str | None
    ambiguous: bool
    sent_at: datetime | None
    seen_at: datetime | None
    acted_at: datetime | None
    attempts: list[ShownAttempt]


class Notifications(BaseModel):
    """The latest first; `next` is the cursor of the next page, nil on the last one."""

    notifications: list[ShownNotification]
    next: NotificationId | None


@router.get("")
async def show_all(
    database: NotifierDatabase,
    _caller: Leads,
    contact_id: Annotated[ContactId | None, Query(pattern=_UUID)] = None,
    escalation_id: Annotated[EscalationId | None, Query(pattern=_UUID)] = None,
    person_id: Annotated[PersonId | None, Query(max_length=100)] = None,
    state: State | None = None,
    cursor: Annotated[NotificationId | None, Query(pattern=_UUID)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Notifications:
    """List notifications, each with what was tried and how it ended."""
    wanted = Filter(contact_id, escalation_id, person_id, state)
    async with work(database) as uow:
        found = await uow.notifications.latest(wanted, cursor, limit + 1)
        page = found[:limit]
        attempts = await uow.attempts.of([one.notification_id for one in page])
    return Notifications(
        notifications=[_shown(one, attempts.get(one.notification_id, [])) for one in page],
        next=page[-1].notification_id if len(found) > limit else None,
    )


def _shown(notification: Notification, attempts: list[Attempt]) -> ShownNotification:
    fields = {
        name: getattr(notification, name)
        for name in ShownNotification.model_fields
        if name != "attempts"
    }
    return ShownNotification.model_validate({**fields, "attempts": attempts})
