"""What status webhooks look like in the API."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from common.contracts.contract import Instant
from common.contracts.event import ContactId, PersonId, SystemName
from common.contracts.statuses import ContactStatus
from common.http.app import RequestModel
from common.http.examples import (
    ACTED_AT,
    CHANNEL_SYSTEM,
    CONTACT_ID,
    EVENT_ID,
    RAISED_AT,
    REPRESENTATIVE,
    with_examples,
)
from notifier.api.deps import UUID
from notifier.channels.status_calls import key_of
from notifier.domain.status_webhooks import (
    DeliveryState,
    StatusDelivery,
    StatusWebhook,
    WebhookState,
)
from notifier.store.status_webhooks import DeliveryCounts
from notifier.use_cases import status_webhooks

_KEY_EXAMPLE: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_URL: Final = "https://shop.example.com/upstairs-statuses"
_MAX_OVERLAP_HOURS: Final = 24 * 7


def _check_secret(secret: str) -> str:
    key_of(secret)
    return secret


Secret = Annotated[str, StringConstraints(max_length=200), AfterValidator(_check_secret)]


_WEBHOOK: Final[dict[str, Any]] = {
    "source": CHANNEL_SYSTEM,
    "url": _URL,
    "statuses": ["assigned", "escalated", "resolved"],
    "state": "active",
    "disabled_reason": None,
    "version": 1,
    "changed_at": RAISED_AT,
    "changed_by": CHANNEL_SYSTEM,
    "old_secret_ends_at": None,
    "failing_since": None,
    "secret": _KEY_EXAMPLE,
}


class StatusWebhookIn(RequestModel):
    model_config = with_examples({"url": _URL, "statuses": ["assigned", "escalated", "resolved"]})

    url: Annotated[str, StringConstraints(max_length=1000, pattern=r"^https?://[!-~]+$")] = Field(
        description="Where statuses are posted, by HTTPS."
    )
    statuses: tuple[ContactStatus, ...] = Field(
        default=(), max_length=50, description="Which statuses are posted; none: all."
    )
    secret: Secret | None = Field(
        default=None,
        description="`whsec_` and 24 to 64 bytes in Base64, which sign. Without it a new webhook "
        "gets one, and another keeps its own.",
    )


class StatusWebhookOut(BaseModel):
    model_config = with_examples(_WEBHOOK)

    source: SystemName = Field(description="The system whose contacts it is about.")
    url: str = Field(description="Where statuses are posted.")
    statuses: tuple[ContactStatus, ...] = Field(description="Which are posted; none: all.")
    state: WebhookState = Field(
        description="`disabled` once the receiver answered 410, or if its settings can't be read; "
        "put it again to go on."
    )
    disabled_reason: str | None = Field(description="Why it is disabled, if it is.")
    version: int = Field(description="Counts the changes; it is the ETag.")
    changed_at: datetime = Field(description="When it was put or its secret was changed.")
    changed_by: str = Field(description="Who did it: a person, or a system.")
    old_secret_ends_at: datetime | None = Field(
        description="Until when the secret before signs too; null if none does."
    )
    failing_since: datetime | None = Field(
        description="Since when no call succeeded; null if the last one did."
    )
    secret: str | None = Field(
        default=None, description="The new secret, in the answer that made it and nowhere else."
    )


class StatusWebhookDetailOut(StatusWebhookOut):
    model_config = with_examples(
        {**_WEBHOOK, "secret": None, "waiting": 0, "oldest_waiting_since": None, "failed": 0}
    )

    waiting: int = Field(description="How many statuses wait to be delivered.")
    oldest_waiting_since: datetime | None = Field(description="Since when the oldest waits.")
    failed: int = Field(
        description="How many of those that are kept were not delivered, and are not sent again "
        "by themselves."
    )


class RotationIn(RequestModel):
    model_config = with_examples({"overlap_hours": 24})

    secret: Secret | None = Field(default=None, description="The new one; without it, one is made.")
    overlap_hours: float = Field(
        default=status_webhooks.OVERLAP.total_seconds() / 3600,
        ge=0,
        le=_MAX_OVERLAP_HOURS,
        description="How long the secret before signs too.",
    )


class ReplayIn(RequestModel):
    model_config = with_examples({"since": RAISED_AT})

    since: Instant | None = Field(
        default=None, description="Only statuses since then; without it, all that are kept."
    )
    contact_id: Annotated[ContactId, StringConstraints(pattern=UUID)] | None = Field(
        default=None, description="Only those of this contact."
    )


class ReplayOut(BaseModel):
    model_config = with_examples({"replayed": 12})

    replayed: int = Field(description="How many statuses are sent again.")


class TestOut(BaseModel):
    model_config = with_examples(
        {"delivered": True, "webhook_id": EVENT_ID, "answer": 204, "detail": "answered 204"}
    )

    delivered: bool = Field(description="Whether the receiver answered 2xx.")
    webhook_id: str = Field(description="The id in the header `webhook-id`.")
    answer: int | None = Field(description="The receiver's HTTP status, if it answered.")
    detail: str = Field(description="What happened, in words.")


class StatusDeliveryOut(BaseModel):
    model_config = with_examples(
        {
            "webhook_id": EVENT_ID,
            "contact_id": CONTACT_ID,
            "external_ref": "chat-7",
            "status": "assigned",
            "sequence": 2,
            "person_id": REPRESENTATIVE,
            "level": None,
            "occurred_at": RAISED_AT,
            "state": "delivered",
            "attempts": 1,
            "due_at": None,
            "delivered_at": ACTED_AT,
            "answer": 204,
            "detail": "answered 204",
        }
    )

    webhook_id: str = Field(description="The id in the header `webhook-id`, in every attempt.")
    contact_id: ContactId = Field(description="The contact.")
    external_ref: str | None = Field(description="The contact's id in its own system.")
    status: ContactStatus = Field(description="What happened.")
    sequence: int = Field(description="A later status of the contact has a greater number.")
    person_id: PersonId | None = Field(description="Who got the contact, or who acted.")
    level: str | None = Field(description="The level of the escalation.")
    occurred_at: datetime = Field(description="When it happened.")
    state: DeliveryState = Field(description="`failed`: it is not sent again by itself.")
    attempts: int = Field(description="How often it was sent, since it was replayed last.")
    due_at: datetime | None = Field(description="When it is sent next.")
    delivered_at: datetime | None = Field(description="When the receiver took it.")
    answer: int | None = Field(description="The HTTP status of the last attempt, if any.")
    detail: str | None = Field(description="How the last attempt ended.")


def fields_of(webhook: StatusWebhook) -> dict[str, Any]:
    ends = [each.ends_at for each in webhook.secrets if each.ends_at is not None]
    return {
        "source": webhook.source,
        "url": webhook.url,
        "statuses": webhook.statuses,
        "state": webhook.state,
        "disabled_reason": webhook.disabled_reason,
        "version": webhook.version,
        "changed_at": webhook.changed_at,
        "changed_by": webhook.changed_by,
        "old_secret_ends_at": max(ends, default=None),
        "failing_since": webhook.failing_since,
    }


def detail_out(webhook: StatusWebhook, counts: DeliveryCounts) -> StatusWebhookDetailOut:
    return StatusWebhookDetailOut(**fields_of(webhook), **counts._asdict())


def delivery_out(delivery: StatusDelivery) -> StatusDeliveryOut:
    content = delivery.content
    return StatusDeliveryOut(
        webhook_id=delivery.change_id,
        contact_id=delivery.contact_id,
        external_ref=content.external_ref,
        status=delivery.status,
        sequence=delivery.sequence,
        person_id=content.person_id,
        level=content.level,
        occurred_at=delivery.occurred_at,
        state=delivery.state,
        attempts=delivery.attempts,
        due_at=delivery.due_at,
        delivered_at=delivery.delivered_at,
        answer=delivery.answer,
        detail=delivery.detail,
    )
