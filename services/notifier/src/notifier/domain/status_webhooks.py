"""Webhooks that tell a channel what becomes of its contacts, and when each call is made."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import ContactId, Event, PersonId, SystemName
from common.contracts.statuses import ContactStatus, ContactStatusChanged, StatusWebhookChanged
from notifier.domain.delivery import doubled_delay

WebhookState = Literal["active", "disabled"]
DeliveryState = Literal["pending", "sending", "delivered", "failed"]

# A receiver that fails so often in a row gets one call at a time, after a pause.
FAILURES_TO_PAUSE: Final = 3

# What `disabled_reason` says where the row of a webhook can't be read.
UNREADABLE: Final = "its row can't be read"


class WebhookSecret(Struct, frozen=True):
    """Encrypted; it signs until `ends_at`, if it is to be replaced."""

    sealed: str
    ends_at: datetime | None = None


class StatusWebhook(Struct, frozen=True):
    """Where the statuses of one system's contacts go; no `statuses`: all.

    `version` counts the changes of the settings. `failures` counts those in a row since
    `failing_since`, and nothing is sent before `retry_at`.
    """

    source: SystemName
    url: str
    statuses: tuple[ContactStatus, ...]
    secrets: tuple[WebhookSecret, ...]
    state: WebhookState
    disabled_reason: str | None
    version: int
    changed_at: datetime
    changed_by: str
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None

    @property
    def edition(self) -> tuple[int, datetime]:
        """Return what tells these settings from others: one put again begins at version 1 again."""
        return self.version, self.changed_at

    def wants(self, status: ContactStatus) -> bool:
        return self.state == "active" and (not self.statuses or status in self.statuses)

    def valid_secrets(self, at: datetime) -> tuple[str, ...]:
        return tuple(
            each.sealed for each in self.secrets if each.ends_at is None or each.ends_at > at
        )


def stand_in(
    source: SystemName, url: str, version: int, changed_at: datetime, changed_by: str
) -> StatusWebhook:
    """Return what stands for one that can't be read: it is disabled, and has no secret."""
    return StatusWebhook(
        source=source,
        url=url,
        statuses=(),
        secrets=(),
        state="disabled",
        disabled_reason=UNREADABLE,
        version=version,
        changed_at=changed_at,
        changed_by=changed_by,
    )


class StatusContent(Struct, frozen=True):
    """What a status says besides its name. The name of the person is added when it is sent."""

    external_ref: str | None = None
    person_id: PersonId | None = None
    level: str | None = None
    merged_into: ContactId | None = None


class StatusDelivery(Struct, frozen=True):
    """One status for one webhook; `sequence` orders those of a contact.

    `due_at` is when it is sent next, and while it is being sent the end of its lease. `answer` is
    the HTTP status of the last attempt.
    """

    change_id: str
    source: SystemName
    contact_id: ContactId
    sequence: int
    status: ContactStatus
    content: StatusContent
    occurred_at: datetime
    added_at: datetime
    state: DeliveryState = "pending"
    due_at: datetime | None = None
    attempts: int = 0
    delivered_at: datetime | None = None
    answer: int | None = None
    detail: str | None = None

    @property
    def person_to_name(self) -> PersonId | None:
        """Return whose name the receiver is told; a system, whose name has a colon, has none."""
        person_id = self.content.person_id
        return None if person_id is None or ":" in person_id else person_id


class CallResult(NamedTuple):
    """How a call ended: the HTTP status, if there was an answer, and how long it asks to wait."""

    answer: int | None
    detail: str
    wait: timedelta | None = None

    @property
    def is_success(self) -> bool:
        return (
            self.answer is not None and HTTPStatus.OK <= self.answer < HTTPStatus.MULTIPLE_CHOICES
        )


class StatusPolicy(NamedTuple):
    """How calls are repeated. `spread` of a delay, above 0 and at most 1, is drawn for each."""

    # Calls at a time to one receiver.
    slots: int = 4
    timeout: timedelta = timedelta(seconds=10)
    first_delay: timedelta = timedelta(seconds=5)
    longest_delay: timedelta = timedelta(hours=1)
    longest_pause: timedelta = timedelta(minutes=5)
    # After that a status that does not arrive has failed.
    give_up_after: timedelta = timedelta(hours=72)
    # As many wait for one receiver; of more, the oldest have failed.
    max_waiting: int = 100_000

    @property
    def lease(self) -> timedelta:
        return 2 * self.timeout


class StatusDecision(Struct, frozen=True):
    """`is_recovered`: a receiver that was paused takes statuses again."""

    delivery: StatusDelivery
    webhook: StatusWebhook
    events: tuple[Event, ...] = ()
    is_recovered: bool = False


def queue(event: ContactStatusChanged, sequence: int, at: datetime) -> StatusDelivery:
    return StatusDelivery(
        change_id=event.change_id,
        source=event.source,
        contact_id=event.contact_id,
        sequence=sequence,
        status=event.status,
        content=StatusContent(
            external_ref=event.external_ref,
            person_id=event.person_id,
            level=event.level,
            merged_into=event.merged_into,
        ),
        occurred_at=event.occurred_at,
        added_at=at,
        due_at=at,
    )


def record(
    delivery: StatusDelivery,
    webhook: StatusWebhook,
    result: CallResult,
    policy: StatusPolicy,
    spread: float,
    at: datetime,
) -> StatusDecision:
    """Record how a call ended, and what is next for the status and for its receiver."""
    called = replace(delivery, answer=result.answer, detail=result.detail)
    if result.is_success:
        delivered = replace(called, state="delivered", due_at=None, delivered_at=at)
        healthy = replace(webhook, failures=0, failing_since=None, retry_at=None)
        return StatusDecision(
            delivered, healthy, is_recovered=webhook.failures >= FAILURES_TO_PAUSE
        )
    if result.answer == HTTPStatus.GONE:
        # It waits, in case somebody puts the webhook again.
        waiting = replace(called, state="pending", due_at=at)
        disabled, events = disable(webhook, "the receiver answered 410 Gone", at)
        return StatusDecision(waiting, disabled, events)
    failing = _fail(webhook, result, policy, spread, at)
    if at - delivery.added_at >= policy.give_up_after:
        return StatusDecision(replace(called, state="failed", due_at=None), failing)
    delay = doubled_delay(policy.first_delay, delivery.attempts, policy.longest_delay) * spread
    due_at = at + max(delay, result.wait or timedelta(0))
    return StatusDecision(replace(called, state="pending", due_at=due_at), failing)


def disable(
    webhook: StatusWebhook, reason: str, at: datetime
) -> tuple[StatusWebhook, tuple[Event, ...]]:
    """Send nothing more until somebody puts the webhook again; again is fine."""
    if webhook.state == "disabled":
        return webhook, ()
    disabled = replace(
        webhook, state="disabled", disabled_reason=reason, version=webhook.version + 1
    )
    return disabled, (announce(disabled, at),)


def announce(webhook: StatusWebhook, at: datetime) -> StatusWebhookChanged:
    return StatusWebhookChanged(
        occurred_at=at, source=webhook.source, is_active=webhook.state == "active"
    )


def _fail(
    webhook: StatusWebhook, result: CallResult, policy: StatusPolicy, spread: float, at: datetime
) -> StatusWebhook:
    failures = webhook.failures + 1
    pause = result.wait or timedelta(0)
    if failures >= FAILURES_TO_PAUSE:
        count = failures - FAILURES_TO_PAUSE + 1
        pause = max(pause, doubled_delay(policy.first_delay, count, policy.longest_pause) * spread)
    return replace(
        webhook,
        failures=failures,
        failing_since=webhook.failing_since or at,
        retry_at=max(at + pause, webhook.retry_at or at) if pause else webhook.retry_at,
    )
