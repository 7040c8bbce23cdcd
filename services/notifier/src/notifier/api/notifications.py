"""Every notification, with its content and its attempts."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from common.contracts.connection_pages import PagedConnection
from common.contracts.escalations import LeaseEnd, PagedCause, Severity
from common.contracts.event import ContactId, EscalationId, NotificationId, PageId, PersonId
from common.contracts.notifications import Action, Medium
from common.contracts.page_subjects import (
    PagedApproval,
    PagedCoaching,
    PagedContact,
    PagedDutyGap,
    PagedQueue,
)
from common.http.access import SupervisorUser
from common.http.app import Slug
from common.http.examples import (
    ACTED_AT,
    CHANNEL_SYSTEM,
    CONTACT,
    CONTACT_ID,
    CUSTOMER,
    CUSTOMER_ID,
    ESCALATION_ID,
    EVENT_ID,
    HEADLINE,
    LEVEL,
    NOTIFICATION_ID,
    RAISED_AT,
    REPRESENTATIVE,
    RESPOND_BY,
    SUPERVISOR,
    with_examples,
)
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from notifier import rendering
from notifier.api.deps import UUID, NotifierDatabase, transaction
from notifier.domain.brake import recipient_key
from notifier.domain.content import DisabledStatusWebhook, LostTimer, Maintenance, WriteBackHalt
from notifier.domain.delivery_reasons import REASON_CODES, parameters_of
from notifier.domain.history import StepState, history
from notifier.domain.maintenance import is_delay
from notifier.domain.notifications import Attempt, AttemptOutcome, Kind, Notification, State
from notifier.domain.reasons import Reason
from notifier.store.notifications import Filter

router = ApiRouter(prefix="/v1/notifications", tags=["notifications"])

_KEY = TypeAdapter(Annotated[NotificationId, StringConstraints(pattern=UUID)])


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


_EXAMPLE: Final[dict[str, Any]] = {
    "notification_id": NOTIFICATION_ID,
    "kind": "page",
    "state": "sent",
    "page_id": EVENT_ID,
    "contact_id": CONTACT_ID,
    "escalation_id": ESCALATION_ID,
    "person_id": SUPERVISOR,
    "medium": "slack",
    "headline": HEADLINE,
    "status": None,
    "content": {
        "reason": "raised",
        "severity": "high",
        "level_name": LEVEL,
        "respond_by": RESPOND_BY,
        "lease_end": None,
        "contact": {
            **CONTACT,
            "tier": CUSTOMER["tier"],
            "customer_name": CUSTOMER["name"],
            "representative_id": REPRESENTATIVE,
            "customer_id": CUSTOMER_ID,
            "received_from": CHANNEL_SYSTEM,
        },
        "causes": [],
        "explanation": None,
        "approval": None,
        "coaching": None,
        "duty_gap": None,
        "unserved_queue": None,
        "connection": None,
        "lost_timer": None,
        "write_back_halt": None,
        "disabled_status_webhook": None,
        "maintenance": None,
    },
    "requested_at": RAISED_AT,
    "due_at": None,
    "reason": None,
    "reason_code": None,
    "reason_parameters": {},
    "delay_reason": None,
    "delay_code": None,
    "failover_from": None,
    "ambiguous": False,
    "sent_at": RAISED_AT,
    "delivered_at": None,
    "seen_at": None,
    "acted_at": ACTED_AT,
    "action": "acknowledge",
    "step": 1,
    "attempts": [
        {
            "attempt": 1,
            "started_at": RAISED_AT,
            "ended_at": RAISED_AT,
            "outcome": "sent",
            "detail": None,
        }
    ],
    "history": [
        {"state": "queued", "at": RAISED_AT, "reason": None, "until": None},
        {"state": "sending", "at": RAISED_AT, "reason": None, "until": None},
        {"state": "sent", "at": RAISED_AT, "reason": None, "until": None},
        {"state": "acted_on", "at": ACTED_AT, "reason": "acknowledge", "until": None},
    ],
}


class AttemptOut(_Out):
    attempt: int = Field(description="Counts from 1.")
    started_at: datetime = Field(description="When the call began.")
    ended_at: datetime | None = Field(description="When its outcome was known; null until then.")
    outcome: AttemptOutcome | None = Field(
        description="`retry`: it did not arrive and is tried again. `unknown`: it may have arrived."
    )
    detail: str | None = Field(description="What the outside system said.")


class StepOut(_Out):
    state: StepState = Field(
        description="`sent`: the outside system accepted it. `delivered`: a receipt says that it "
        "arrived. `failed_for_now`: it is tried again. `ambiguous`: it may have arrived, and is "
        "tried again. `suppressed`: it was no longer needed."
    )
    at: datetime = Field(description="When it came to that.")
    reason: str | None = Field(description="Why, or what the outside system said.")
    until: datetime | None = Field(description="Until when it waits, as far as that is known.")


class ContentOut(_Out):
    reason: Reason = Field(description="Why the person is notified.")
    severity: Severity | None = Field(description="The escalation's severity.")
    level_name: str | None = Field(description="The ladder level that is asked.")
    respond_by: datetime | None = Field(description="When it moves on without the person.")
    lease_end: LeaseEnd | None = Field(description="What ends the person's hold then.")
    contact: PagedContact | None = Field(description="The contact that it is about.")
    causes: list[PagedCause] = Field(description="Why the contact was escalated, oldest first.")
    explanation: str | None = Field(description="Why it comes to this person now.")
    approval: PagedApproval | None = Field(description="The outcome to approve.")
    coaching: PagedCoaching | None = Field(description="The coaching that is requested.")
    duty_gap: PagedDutyGap | None = Field(description="When nobody will be on duty.")
    unserved_queue: PagedQueue | None = Field(description="The queue that nobody serves.")
    connection: PagedConnection | None = Field(
        description="The outside system that is silent, or heard again."
    )
    lost_timer: LostTimer | None = Field(description="The internal timer that was lost.")
    write_back_halt: WriteBackHalt | None = Field(
        description="The helpdesk or CRM that is written to no more."
    )
    disabled_status_webhook: DisabledStatusWebhook | None = Field(
        description="The system that is told no more what becomes of its contacts."
    )
    maintenance: Maintenance | None = Field(
        description="The maintenance that begins, or has ended."
    )


class NotificationOut(_Out):
    model_config = with_examples(_EXAMPLE)

    notification_id: NotificationId = Field(description="Newer notifications have greater ids.")
    kind: Kind = Field(description="`update`: changes the message of an earlier page.")
    state: State = Field(description="`sending`: a call is in progress.")
    page_id: PageId = Field(description="The request of escalation that it comes from.")
    contact_id: ContactId = Field(description="The contact that it is about.")
    escalation_id: EscalationId | None = Field(description="Null if nothing was escalated.")
    person_id: PersonId = Field(description="The person who is notified.")
    medium: Medium | None = Field(description="Null if the person has no address.")
    headline: str = Field(description="What the message says it is about, as of this request.")
    status: str | None = Field(description="What an update says happened since.")
    content: ContentOut = Field(description="The data that the message is made from.")
    requested_at: datetime = Field(description="When it was requested.")
    due_at: datetime | None = Field(
        description="The next attempt; while sending, when the attempt counts as lost."
    )
    reason: str | None = Field(
        description="Why it failed, was cancelled or held back, or went to media that were not "
        "requested, in words."
    )
    reason_code: str | None = Field(
        description="Why, as a code: " + ", ".join(f"`{code}`" for code in REASON_CODES) + ". A "
        "newer version may write others: then `reason` says it."
    )
    reason_parameters: dict[str, Any] = Field(
        description="The figures of it. `media-missing`: `media`; `medium-removed`: `medium`; "
        "`gave-up`: `attempts`; `over-budget`: at most `most` messages in `window_s` seconds for "
        "one `budget`: `recipient`, `burst`, `customer`, `channel`, or `share` of a customer at a "
        "recipient; `quiet-hours`: `until`; `not-verified`: `media`, and `others` that were used "
        "too; `later-step`: `step`; `nobody-stands-in`: `until`; `stands-in`: `person`, `until`. "
        "`in_summary` is true if a summary failed that carried it."
    )
    delay_reason: str | None = Field(description="Why it waits until `due_at`.")
    delay_code: Literal["maintenance", "system-down"] | None = Field(
        description="Why it waits: until a maintenance ends, or its outside system works again."
    )
    failover_from: Medium | None = Field(
        description="The medium that failed, or had no receipt in time: this one stands in for it."
    )
    ambiguous: bool = Field(description="An attempt without a known outcome may have arrived.")
    sent_at: datetime | None = Field(description="When the outside system accepted it.")
    delivered_at: datetime | None = Field(
        description="When it arrived, as the outside system said; null where it never says so."
    )
    seen_at: datetime | None = Field(description="When its link was first opened.")
    acted_at: datetime | None = Field(description="When it was last answered.")
    action: Action | None = Field(description="That answer.")
    step: int = Field(description="Of the person's rule: later ones are sent only while unseen.")
    attempts: list[AttemptOut] = Field(description="The calls made for it.")
    history: list[StepOut] = Field(description="All that happened to it, in order.")


@router.get("")
async def show_all(
    database: NotifierDatabase,
    _caller: SupervisorUser,
    contact_id: Annotated[
        ContactId | None, Query(pattern=UUID, description="Only those about this contact.")
    ] = None,
    escalation_id: Annotated[
        EscalationId | None, Query(pattern=UUID, description="Only those about this escalation.")
    ] = None,
    person_id: Annotated[Slug | None, Query(description="Only those to this person.")] = None,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[NotificationOut]:
    """List notifications, the latest first, each with its attempts and their outcomes."""
    person = PersonId(person_id) if person_id else None
    criteria = Filter(contact_id, escalation_id, person, state)
    before = decode_cursor(cursor, _KEY, asdict(criteria))
    async with transaction(database) as uow:
        latest = await uow.notifications.latest(criteria, before, limit + 1)
        attempts = await uow.attempts.of(
            [notification.notification_id for notification in latest[:limit]]
        )
        waiting = [each for each in latest[:limit] if each.state == "held_back"]
        budgets = await uow.budgets.get_all(map(recipient_key, waiting))
        at = uow.now

    def show(notification: Notification) -> NotificationOut:
        budget = budgets.get(recipient_key(notification))
        calls = attempts.get(notification.notification_id, [])
        return _out(notification, calls, budget.summary_due_at if budget else None, at)

    return Page.of(
        latest,
        limit,
        key=lambda notification: notification.notification_id,
        show=show,
        filters=asdict(criteria),
    )


def _out(
    notification: Notification,
    attempts: list[Attempt],
    summary_at: datetime | None,
    at: datetime,
) -> NotificationOut:
    computed = {
        *("attempts", "headline", "status", "history"),
        *("reason_code", "reason_parameters", "delay_code"),
    }
    data, delay = notification.reason_data, notification.delay_reason
    fields = {
        name: getattr(notification, name)
        for name in NotificationOut.model_fields
        if name not in computed
    }
    status = notification.content.status
    under_way = notification.attempt_under_way
    calls = [*attempts, *([under_way] if under_way else ())]
    return NotificationOut.model_validate(
        {
            **fields,
            "headline": rendering.words(notification.content, at).headline,
            "status": rendering.status_text(status, at) if status else None,
            "reason_code": data.code if data else None,
            "reason_parameters": parameters_of(data),
            "delay_code": delay and ("maintenance" if is_delay(delay) else "system-down"),
            "attempts": calls,
            "history": history(notification, calls, summary_at),
        }
    )
