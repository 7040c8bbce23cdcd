"""For each kind, what a system tells of one contact, in the order in which it happened."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from integration.intake.channel_samples import (
    CHANGE,
    CONTACT,
    DYNAMICS,
    EVENT,
    MAILGUN,
    SENDGRID,
    SLACK,
    SLACK_MESSAGE,
    STRUCTURED,
    TWILIO,
    WEBHOOK,
    ZENDESK,
    Sample,
    make_form,
)

FIRST: Final = "No hot water since MARK."
REPLY: Final = "We send somebody."
LATER: Final = "Nobody came."


@dataclass(frozen=True)
class Story:
    """`bodies` by time; the contact ends in `state`, with the messages `texts` by author."""

    sample: Sample
    bodies: Sequence[bytes]
    state: str
    texts: Mapping[str, str]


def _dump(content: Any) -> bytes:
    return json.dumps(content).encode()


def _zendesk(number: int, kind: str, status: str, event: Mapping[str, Any]) -> bytes:
    content = json.loads(ZENDESK.body)
    at = f"2026-11-22T10:0{number}:00Z"
    detail = {**content["detail"], "status": status, "updated_at": at}
    sequence = {"meta": {"sequence": {"id": f"s-{number}", "position": number}}}
    return _dump(
        {
            **content,
            "id": f"z-{number}",
            "type": f"zen:event-type:ticket.{kind}",
            "time": at,
            "detail": detail,
            "event": {**event, **sequence},
        }
    )


def _comment(number: int, text: str, *, is_staff: bool) -> Mapping[str, Any]:
    author = {"id": f"u-{is_staff}", "is_staff": is_staff}
    return {"comment": {"id": f"c-{number}", "body": text, "is_public": True, "author": author}}


ZENDESK_STORY: Final = Story(
    ZENDESK,
    [
        _zendesk(0, "created", "NEW", {}),
        _zendesk(1, "comment_added", "OPEN", _comment(1, REPLY, is_staff=True)),
        _zendesk(2, "comment_added", "OPEN", _comment(2, LATER, is_staff=False)),
        _zendesk(3, "status_changed", "SOLVED", {"current": "SOLVED", "previous": "OPEN"}),
    ],
    "resolved",
    {FIRST: "customer", REPLY: "representative", LATER: "customer"},
)


def _change(number: int, change_type: str, **fields: Any) -> bytes:
    content = json.loads(CHANGE.body)
    header = {
        **content["payload"]["ChangeEventHeader"],
        "changeType": change_type,
        "changedFields": list(fields),
        "transactionKey": f"t-{number}",
        "commitTimestamp": 1_795_863_600_000 + number * 1000,
    }
    own = {} if change_type == "UPDATE" else content["payload"]
    payload = {**own, **fields, "ChangeEventHeader": header}
    return _dump({**content, "payload": payload, "event": {"replayId": 81 + number}})


SALESFORCE_STORY: Final = Story(
    CHANGE,
    [
        _change(0, "CREATE", Status="New"),
        _change(1, "UPDATE", Status="Closed"),
        _change(2, "UPDATE", Status="New"),
        _change(3, "UPDATE", Status="Closed"),
        _change(4, "UPDATE", Status="Working"),
    ],
    "open",
    {FIRST: "customer"},
)


def _incident(number: int, message: str, **columns: Any) -> bytes:
    content = json.loads(DYNAMICS.body)
    if columns:
        pairs = [{"key": name, "value": value} for name, value in columns.items()]
        content["InputParameters"] = [{"key": "Target", "value": {"Attributes": pairs}}]
    return _dump(
        {
            **content,
            "MessageName": message,
            "OperationId": f"d2b8f0a4-6f0e-4c1d-9b7a-00000000000{number}",
            "OperationCreatedOn": f"/Date({1_795_863_600_000 + number * 1000})/",
        }
    )


DYNAMICS_STORY: Final = Story(
    DYNAMICS,
    [
        _incident(0, "Create"),
        _incident(1, "Update", statecode={"Value": 0}, statuscode={"Value": 3}),
        _incident(2, "Update", statecode={"Value": 1}, statuscode={"Value": 5}),
    ],
    "resolved",
    {FIRST: "customer"},
)


def _slack(number: int, user: str, text: str) -> bytes:
    thread = {} if number == 0 else {"thread_ts": SLACK_MESSAGE["ts"]}
    ts = f"179586360{number}.000100"
    message = {**SLACK_MESSAGE, **thread, "ts": ts, "user": user, "text": text}
    return _dump({"type": "event_callback", "event_id": f"Ev{number}", "event": message})


SLACK_STORY: Final = Story(
    replace(SLACK, options={"representatives": ["U0REP"]}),
    [_slack(0, "U0ADA", FIRST), _slack(1, "U0REP", REPLY), _slack(2, "U0ADA", LATER)],
    "open",
    {FIRST: "customer", REPLY: "representative", LATER: "customer"},
)


def _call(number: int, status: str) -> bytes:
    call = "CallSid=CA81&From=%2B491701234567&To=%2B49301234567&Direction=inbound"
    time = f"Sat%2C+28+Nov+2026+10%3A00%3A0{number}+%2B0000"
    return f"{call}&CallStatus={status}&SequenceNumber={number}&Timestamp={time}".encode()


TWILIO_STORY: Final = Story(
    TWILIO,
    [_call(0, "ringing"), _call(1, "in-progress"), _call(2, "completed")],
    "abandoned",
    {},
)


def _headers(number: int) -> Mapping[str, str]:
    """Return the headers of the mails of a thread."""
    fields = {
        "Message-ID": f"<a-{number}@mail.example.org>",
        "Date": f"Sat, 28 Nov 2026 10:0{number}:00 +0000",
    }
    return fields | ({"References": "<a-0@mail.example.org>"} if number else {})


_MAILS: Final = (
    ("Ada <ada@example.org>", FIRST),
    ("Support <support@example.com>", REPLY),
    ("Ada <ada@example.org>", LATER),
)


def _sendgrid(number: int, sender: str, text: str) -> bytes:
    headers = "".join(f"{name}: {value}\n" for name, value in _headers(number).items())
    receiver = {"to": "support@example.com", "subject": "Boiler is cold"}
    return make_form({"headers": headers, "from": sender, **receiver, "text": text})


def _mailgun(number: int, sender: str, text: str) -> bytes:
    listed = json.dumps([*map(list, _headers(number).items())])
    receiver = {"recipient": "support@example.com", "subject": "Boiler is cold"}
    fields = {"from": sender, **receiver, "message-headers": listed, "body-plain": text}
    return make_form(fields)


def raw_mail(number: int, sender: str, text: str) -> bytes:
    lines = [f"From: {sender}", "To: support@example.com", "Subject: Boiler is cold"]
    lines += [f"{name}: {value}" for name, value in _headers(number).items()]
    return "\r\n".join([*lines, "", text, ""]).encode()


MAIL_TEXTS: Final[Mapping[str, str]] = {
    FIRST: "customer",
    REPLY: "representative",
    LATER: "customer",
}
RAW_MAILS: Final = [raw_mail(number, *mail) for number, mail in enumerate(_MAILS)]


def _event(number: int, kind: str, **data: Any) -> tuple[str, str, Mapping[str, Any]]:
    return f"e-{number}", kind, {**CONTACT, "message": None, **data}


_EVENTS: Final = (
    _event(0, "contact_received", message=CONTACT["message"]),
    _event(1, "message_added", message={"id": "m-2", "text": REPLY, "author": "representative"}),
    _event(2, "message_added", message={"id": "m-3", "text": LATER, "author": "customer"}),
    _event(3, "contact_waiting"),
    _event(4, "contact_resolved", note="Repaired."),
)


def _structured(number: int, event: tuple[str, str, Mapping[str, Any]]) -> bytes:
    event_id, kind, data = event
    time = f"2026-11-28T10:0{number}:00Z"
    name = f"upstairs.inbound.{kind}.v1"
    return _dump({**EVENT, "id": event_id, "type": name, "time": time, "data": data})


def _plain(number: int, event: tuple[str, str, Mapping[str, Any]]) -> bytes:
    _, kind, data = event
    name = kind.replace("_", ".")
    return _dump({"type": name, "timestamp": f"2026-11-28T10:0{number}:00Z", "data": data})


STORIES: Final = (
    ZENDESK_STORY,
    SALESFORCE_STORY,
    DYNAMICS_STORY,
    SLACK_STORY,
    TWILIO_STORY,
    Story(SENDGRID, [_sendgrid(n, *mail) for n, mail in enumerate(_MAILS)], "open", MAIL_TEXTS),
    Story(MAILGUN, [_mailgun(n, *mail) for n, mail in enumerate(_MAILS)], "open", MAIL_TEXTS),
    Story(STRUCTURED, [_structured(*each) for each in enumerate(_EVENTS)], "resolved", MAIL_TEXTS),
    Story(WEBHOOK, [_plain(*each) for each in enumerate(_EVENTS)], "resolved", MAIL_TEXTS),
)
