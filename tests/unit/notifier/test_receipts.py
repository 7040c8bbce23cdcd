"""Reports about messages: late, twice, in any order, about an earlier message."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from notifier.channels.twilio_reports import read_report
from notifier.domain import receipts
from notifier.domain.delivery import RetryPolicy
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Notification
from notifier.domain.receipts import Delivered, NotDelivered, Read, Report
from unit.notifier.examples import AT, CONTACT, ESCALATION, notification

POLICY = RetryPolicy(attempts=8)
LATER = AT + timedelta(seconds=30)
OFF = NotDelivered("off")
LANDLINE = NotDelivered("a landline", is_final=True)
BUSY = NotDelivered("busy", wait=timedelta(seconds=60), attempts=3)
FIELDS = {"medium": "sms", "receipt": {"sid": "SM2"}, "attempts": 2, "began_at": AT}


def message(state: str = "sent", **changes: Any) -> Notification:
    due_at = AT if state in ("pending", "sending") else None
    sent_at = AT if state == "sent" else None
    fields = {**FIELDS, "state": state, "due_at": due_at, "sent_at": sent_at, **changes}
    return replace(notification(), **fields)


def escalation(state: Any = "raised", by: Any = None) -> Escalation:
    return Escalation(ESCALATION, CONTACT, state, by, AT)


def received(
    before: Notification, report: Report, sid: str = "SM2", about: Escalation | None = None
) -> tuple[Notification, list[str]]:
    decision = receipts.receive(before, report, sid, about or escalation(), POLICY, LATER)
    return decision.notification, [type(event).__name__ for event in decision.events]


@pytest.mark.parametrize("state", ["sent", "failed", "cancelled"])
def test_message_that_arrived_says_when(state: str) -> None:
    after, events = received(message(state), Delivered())
    assert (after.state, after.delivered_at) == (state, LATER)
    assert events == ["NotificationDelivered"]


def test_report_that_comes_again_changes_nothing() -> None:
    once, _ = received(message(), Delivered())
    assert received(once, Delivered()) == (once, [])


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_message_whose_answer_was_lost_and_that_arrived_is_sent_no_more(state: str) -> None:
    after, events = received(message(state, receipt=None, ambiguous=True), Delivered(), "SM1")
    assert (after.state, after.due_at, after.delivered_at) == ("sent", None, LATER)
    assert after.receipt == {"sid": "SM1"}
    assert events == ["NotificationSent", "NotificationDelivered"]


def test_failure_that_was_reported_wrongly_is_no_second_success() -> None:
    missed, _ = received(message(), OFF)
    after, events = received(missed, Delivered())
    assert (missed.state, after.state) == ("pending", "sent")
    assert events == ["NotificationDelivered"]


def test_message_that_was_read_arrived_and_was_seen() -> None:
    after, events = received(message(), Read())
    assert (after.delivered_at, after.seen_at) == (LATER, LATER)
    assert events == ["NotificationDelivered", "NotificationSeen"]


@pytest.mark.parametrize(
    ("before", "report", "state", "wait_s", "reason"),
    [
        (message(), OFF, "pending", 1, None),
        (message(), BUSY, "pending", 60, None),
        (message(), LANDLINE, "failed", None, "a landline"),
        (message(attempts=3), BUSY, "failed", None, "busy"),
        (message(attempts=8), OFF, "failed", None, "off"),
        # What a summary carried is in it no longer.
        (message(kind="summary"), OFF, "failed", None, "off"),
    ],
)
def test_message_that_did_not_arrive_is_sent_again_or_has_failed(
    before: Notification, report: Report, state: str, wait_s: int | None, reason: str | None
) -> None:
    decision = receipts.receive(before, report, "SM2", escalation(), POLICY, LATER)
    after = decision.notification
    assert (after.state, after.reason) == (state, reason)
    assert after.due_at == (LATER + timedelta(seconds=wait_s) if wait_s else None)
    (attempt,) = decision.attempts
    outcome = "retry" if state == "pending" else "failed"
    assert (attempt.attempt, attempt.outcome) == (before.attempts, outcome)
    failed = state == "failed" and before.kind == "page"
    assert [type(event).__name__ for event in decision.events] == ["NotificationFailed"] * failed


@pytest.mark.parametrize(
    "before",
    [
        message(delivered_at=AT),
        message(seen_at=AT),
        message(acted_at=AT),
        message("failed"),
        message("pending"),
        message("cancelled"),
        message(receipt={"sid": "SM3"}),
        message(receipt=None),
    ],
)
def test_failure_of_what_arrived_or_of_an_earlier_message_changes_nothing(
    before: Notification,
) -> None:
    assert received(before, LANDLINE) == (before, [])


def test_message_that_was_answered_by_somebody_is_not_sent_again() -> None:
    after, _ = received(message(), OFF, about=escalation("acknowledged", "omar"))
    assert after.state == "failed"


SMS = {"MessageSid": "SM2"}
CALL = {"CallSid": "CA2"}


@pytest.mark.parametrize(
    ("fields", "report"),
    [
        *(
            ({**SMS, "MessageStatus": status}, None)
            for status in ("accepted", "queued", "sending", "sent", "scheduled", "new-one", "")
        ),
        ({**SMS, "MessageStatus": "delivered"}, Delivered()),
        ({"SmsSid": "SM2", "SmsStatus": "delivered"}, Delivered()),
        ({**SMS, "MessageStatus": "read"}, Read()),
        *(
            ({**SMS, "MessageStatus": status, "ErrorCode": code}, is_final)
            for status in ("undelivered", "failed")
            for code, is_final in (
                ("30003", True),
                ("30004", True),
                ("30005", True),
                ("30006", True),
                ("21610", True),
                ("21635", True),
                ("63003", True),
                ("30001", False),
                ("30007", False),
                ("30008", False),
                ("63016", False),
                ("", False),
            )
        ),
        *(
            ({**CALL, "CallStatus": status}, False)
            for status in ("busy", "no-answer", "failed", "canceled")
        ),
        ({**CALL, "CallStatus": "completed", "AnsweredBy": "machine_start"}, False),
        ({**CALL, "CallStatus": "completed", "AnsweredBy": "fax"}, False),
        ({**CALL, "CallStatus": "completed", "AnsweredBy": "human"}, Delivered()),
        ({**CALL, "CallStatus": "completed", "AnsweredBy": "unknown"}, Delivered()),
        ({**CALL, "CallStatus": "completed"}, Delivered()),
        ({**CALL, "CallStatus": "ringing"}, None),
    ],
)
def test_status_of_twilio_is_read(fields: dict[str, str], report: Report | bool | None) -> None:
    sid, read = read_report(fields)
    assert sid in ("SM2", "CA2")
    if isinstance(report, bool):
        assert isinstance(read, NotDelivered)
        assert read.is_final is report
    else:
        assert read == report


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("30003", "not delivered: the phone is off or away"),
        ("21614", "not delivered: no mobile number"),
        ("30008", "not delivered: error 30008"),
        ("x", "not delivered: error x"),
        ("", "not delivered: no reason named"),
    ],
)
def test_report_says_what_the_error_of_twilio_means(code: str, reason: str) -> None:
    _, read = read_report({**SMS, "MessageStatus": "failed", "ErrorCode": code})
    assert isinstance(read, NotDelivered)
    assert read.reason == reason
