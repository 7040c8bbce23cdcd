"""What follows from a call to a receiver of statuses: for the status, and for the receiver."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from standardwebhooks.webhooks import Webhook

from common.contracts.event import ContactId, PersonId, SystemName
from common.core.clock import TimeSource
from notifier.channels.status_calls import key_of, make_secret, sign, write_body
from notifier.domain.status_webhooks import (
    CallResult,
    StatusContent,
    StatusDelivery,
    StatusPolicy,
    StatusWebhook,
    WebhookSecret,
    record,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
POLICY = StatusPolicy()
SOURCE = SystemName("channel:shop")
CONTACT = ContactId("019cadfe-5200-7c52-9f5e-3d1d5b1f0a11")
OK, FAILED = CallResult(204, "answered 204"), CallResult(500, "answered 500")


def webhook(**changes: Any) -> StatusWebhook:
    first = StatusWebhook(
        source=SOURCE,
        url="https://shop.example.com/",
        statuses=(),
        secrets=(WebhookSecret("sealed"),),
        state="active",
        disabled_reason=None,
        version=1,
        changed_at=NOW,
        changed_by=SOURCE,
    )
    return replace(first, **changes)


def sending(**changes: Any) -> StatusDelivery:
    first = StatusDelivery(
        change_id="019cadfe-5202-7c52-9f5e-3d1d5b1f0a12",
        source=SOURCE,
        contact_id=CONTACT,
        sequence=2,
        status="assigned",
        content=StatusContent(external_ref="chat-7", person_id=PersonId("rita")),
        occurred_at=NOW,
        added_at=NOW,
        state="sending",
        due_at=NOW,
        attempts=1,
    )
    return replace(first, **changes)


def test_success_ends_the_failing_of_the_receiver() -> None:
    failing = webhook(failures=7, failing_since=NOW, retry_at=NOW)
    decision = record(sending(), failing, OK, POLICY, 1, NOW)
    assert (decision.delivery.state, decision.delivery.due_at) == ("delivered", None)
    assert decision.webhook == webhook()
    assert decision.is_recovered


def test_delay_doubles_up_to_the_longest() -> None:
    delays = [
        (record(sending(attempts=n), webhook(), FAILED, POLICY, 1, NOW).delivery.due_at or NOW)
        - NOW
        for n in (1, 2, 3, 40)
    ]
    assert delays[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert delays[3] == POLICY.longest_delay


@pytest.mark.parametrize("answer", [302, 400, 404, 500, None])
def test_failure_is_tried_again_and_counted(answer: int | None) -> None:
    decision = record(sending(), webhook(), CallResult(answer, "why"), POLICY, 1, NOW)
    assert (decision.delivery.state, decision.delivery.answer) == ("pending", answer)
    assert (decision.webhook.failures, decision.webhook.failing_since) == (1, NOW)
    assert decision.webhook.retry_at is None, "one failure may be of this status alone"


def test_receiver_that_fails_in_a_row_is_paused() -> None:
    pauses = [
        (record(sending(), webhook(failures=n), FAILED, POLICY, 1, NOW).webhook.retry_at or NOW)
        - NOW
        for n in (1, 2, 3, 40)
    ]
    assert pauses[:3] == [timedelta(0), timedelta(seconds=5), timedelta(seconds=10)]
    assert pauses[3] == POLICY.longest_pause


def test_pause_that_the_receiver_asks_for_counts_at_once() -> None:
    result = CallResult(429, "answered 429", timedelta(minutes=30))
    decision = record(sending(), webhook(), result, POLICY, 1, NOW)
    assert decision.webhook.retry_at == NOW + timedelta(minutes=30)
    assert decision.delivery.due_at == NOW + timedelta(minutes=30)


def test_status_that_waited_too_long_has_failed() -> None:
    old = sending(added_at=NOW - POLICY.give_up_after)
    assert record(old, webhook(), FAILED, POLICY, 1, NOW).delivery.state == "failed"


def test_gone_disables_once_and_keeps_the_status() -> None:
    gone = CallResult(410, "answered 410")
    first = record(sending(), webhook(), gone, POLICY, 1, NOW)
    assert (first.delivery.state, first.webhook.state) == ("pending", "disabled")
    assert first.webhook.version == 2
    assert len(first.events) == 1
    assert record(sending(), first.webhook, gone, POLICY, 1, NOW).events == ()


def test_secret_signs_until_it_ends() -> None:
    secrets = (WebhookSecret("new"), WebhookSecret("old", NOW))
    rotated = webhook(secrets=secrets)
    assert rotated.valid_secrets(NOW - timedelta(seconds=1)) == ("new", "old")
    assert rotated.valid_secrets(NOW) == ("new",)


def test_signature_is_that_of_the_specification() -> None:
    # The vector of the makers.
    at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    headers = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_message_is_signed_by_each_valid_secret() -> None:
    old, new = make_secret(), make_secret()
    headers = sign([new, old], "id", TimeSource().utc_now(), b"{}")
    for secret in (old, new):
        assert Webhook(secret).verify(b"{}", headers) == {}


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "AAAA" * 8, "whsec_" + "ä" * 32])
def test_weak_or_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        key_of(secret)


def test_body_names_people_and_no_system() -> None:
    assert json.loads(write_body(sending(), "Rita"))["data"]["person"] == {
        "id": "rita",
        "name": "Rita",
    }
    by_system = sending(content=StatusContent(person_id=PersonId("admin:ops")))
    assert by_system.person_to_name is None
    assert json.loads(write_body(by_system, None))["data"]["person"]["name"] is None
