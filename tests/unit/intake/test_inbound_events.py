"""Our own events, in CloudEvents and in webhooks that are signed as Standard Webhooks says."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels.base import (
    ChannelEvent,
    ContactLeft,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    MalformedBodyError,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnreadablePart,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.cloud_events import CloudEvents
from intake.channels.standard_webhooks import StandardWebhooks
from intake.domain.model import ChannelConnection

# A vector that the specification's own library tests; recomputed by hand.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
SIGNED_AT = "1614265330"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = datetime.fromtimestamp(1614265331, UTC)
OTHER = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

CONTACT = {"ref": "T-7", "customer": {"id": "c-7"}}


def headers(**changes: str) -> dict[str, str]:
    signed = {"id": WEBHOOK_ID, "timestamp": SIGNED_AT, "signature": SIGNATURE}
    return {f"webhook-{name}": value for name, value in (signed | changes).items()}


def verify(sent: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> None:
    connection = ChannelConnection("acme", "webhook", f"a-newer-secret,{SECRET}", {})
    StandardWebhooks().verify(connection, WebhookRequest(sent, body), now)


@pytest.mark.parametrize("signature", [SIGNATURE, f"{OTHER} v2,{OTHER[3:]} {SIGNATURE} {OTHER}"])
def test_documented_signature_is_accepted(signature: str) -> None:
    verify(headers(signature=signature))


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (headers(signature=SIGNATURE.replace("OE=", "OA=")), BODY),
        (headers(signature=SIGNATURE.removeprefix("v1,")), BODY),
        (headers(signature=SIGNATURE.replace("v1", "v2")), BODY),
        (headers(signature=""), BODY),
        (headers(id="msg_other"), BODY),
        (headers(id=""), BODY),
        (headers(timestamp="1614265331"), BODY),
        (headers(), b'{"test":2432232314}'),
        ({}, BODY),
    ],
)
def test_any_other_signature_is_refused(sent: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignatureError):
        verify(sent, body)


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_right_signature_of_another_time_is_refused(away: timedelta) -> None:
    with pytest.raises(StaleRequestError):
        verify(headers(), now=NOW + away)


def read_webhook(kind: str, data: Any, **options: Any) -> list[ChannelEvent]:
    connection = ChannelConnection("acme", "webhook", SECRET, options)
    body = json.dumps({"type": kind, "timestamp": "2026-11-28T10:00:00Z", "data": data})
    return StandardWebhooks().parse(connection, WebhookRequest(headers(), body.encode()))


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("contact.received", {}, ContactOpened),
        ("upstairs.inbound.contact_received.v1", {}, ContactOpened),
        ("CONTACT_RECEIVED", {}, ContactOpened),
        ("message.added", {"message": {"text": "Hi"}}, CustomerMessageAdded),
        ("message.added", {"message": {"text": "Hi", "author": "BOT"}}, RepresentativeMessageAdded),
        ("message.added", {"message": {"text": "Hi", "internal": 1}}, RepresentativeMessageAdded),
        ("message.added", {"message": None}, UnrelatedUpdate),
        ("supervisor.requested", {}, SupervisorRequested),
        ("contact.resolved", {"note": None}, ContactSolved),
        ("contact.abandoned", {}, ContactLeft),
        ("contact.reopened", {}, ContactSetOpen),
        ("contact.waiting", {}, ContactSetPending),
        ("priority.changed", {}, PriorityChanged),
    ],
)
def test_type_becomes_an_event(kind: str, data: dict[str, Any], expected: type) -> None:
    (event,) = read_webhook(kind, {"contact": CONTACT, **data})
    assert type(event) is expected
    assert (event.event_id, event.contact.ref) == (WEBHOOK_ID, "T-7")
    assert event.moment is not None
    assert event.moment.at == datetime(2026, 11, 28, 10, tzinfo=UTC)


def test_type_without_meaning_is_ignored() -> None:
    assert read_webhook("invoice.paid", {"contact": CONTACT}) == []


def test_contact_is_read_whatever_is_missing_or_odd() -> None:
    number = 2**70
    (event,) = read_webhook(
        "contact.received",
        {
            "contact": {
                "ref": number,
                "channel": "SMS",
                "customer": None,
                "priority": "HIGH",
                "tags": ["Gold"],
                "team": 7,
                "unknown": {},
            }
        },
        tier_by_tag={"gold": "vip"},
    )
    contact = event.contact
    assert (contact.ref, contact.channel, contact.priority) == (str(number), "chat", "high")
    assert contact.customer[:4] == (f"contact-{number}", None, "vip", None)
    assert (contact.topic, contact.team) == ("general", "7")


def test_team_is_that_of_a_tag_then_the_stated_one_then_the_default() -> None:
    stated = {"ref": "T-7", "team": "repairs"}
    options = {"team": "care", "team_by_tag": {"gold": "key-accounts"}}
    teams = [
        read_webhook("contact.received", {"contact": fields}, **options)[0].contact.team
        for fields in ({**stated, "tags": ["Gold"]}, stated, {"ref": "T-7"})
    ]
    assert teams == ["key-accounts", "repairs", "care"]
    (without,) = read_webhook("contact.received", {"contact": {"ref": "T-7"}})
    assert without.contact.team is None


def test_event_without_contact_is_malformed() -> None:
    with pytest.raises(ValidationError):
        read_webhook("contact.received", {})
    with pytest.raises(MalformedBodyError):
        StandardWebhooks().parse(
            ChannelConnection("acme", "webhook", SECRET, {}), WebhookRequest({}, b"{}")
        )


def cloud_event(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shop",
        "type": "upstairs.inbound.contact_received.v1",
        "data": {"contact": CONTACT},
        **changes,
    }


def read_cloud_events(
    body: object, sent: dict[str, str] | None = None
) -> list[ChannelEvent | UnreadablePart]:
    connection = ChannelConnection("acme", "cloudevents", SECRET, {})
    return CloudEvents().parse(connection, WebhookRequest(sent or {}, json.dumps(body).encode()))


def test_event_of_another_source_is_another_event() -> None:
    events = read_cloud_events([cloud_event(), cloud_event(source="/stall")])
    ids = [event.event_id for event in events if not isinstance(event, UnreadablePart)]
    assert ids == ["/shop/e-1", "/stall/e-1"]


def test_event_that_is_unreadable_does_not_hold_up_its_batch() -> None:
    batch = [cloud_event(), cloud_event(id=None), 7, cloud_event(data={}), cloud_event(id=2**70)]
    kinds = [type(part) for part in read_cloud_events(batch)]
    assert kinds == [ContactOpened, *[UnreadablePart] * 3, ContactOpened]


def test_binary_event_has_its_attributes_in_headers() -> None:
    attributes = {"id": "e%201", "source": "/shop", "type": "contact.received"}
    sent = {f"CE-{name}": value for name, value in attributes.items()}
    (event,) = read_cloud_events({"contact": CONTACT}, sent)
    assert isinstance(event, ContactOpened)
    assert event.event_id == "/shop/e 1"


def test_data_in_base64_is_read() -> None:
    data = base64.b64encode(json.dumps({"contact": CONTACT}).encode()).decode()
    (event,) = read_cloud_events(cloud_event(data=None, data_base64=data))
    assert isinstance(event, ContactOpened)
    (broken,) = read_cloud_events(cloud_event(data_base64="?"))
    assert isinstance(broken, UnreadablePart)


def test_cloud_event_with_a_signature_needs_a_right_one() -> None:
    connection = ChannelConnection("acme", "cloudevents", SECRET, {})
    wrong = headers(signature=OTHER) | {"authorization": f"Bearer {SECRET}"}
    with pytest.raises(BadSignatureError):
        CloudEvents().verify(connection, WebhookRequest(wrong, BODY), NOW)
    CloudEvents().verify(connection, WebhookRequest(headers(), BODY), NOW)
    shown = {"authorization": f"Bearer {SECRET}"}
    CloudEvents().verify(connection, WebhookRequest(shown, BODY), NOW)
