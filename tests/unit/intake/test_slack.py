"""Slack: its signature, and what messages, commands and shortcuts mean."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels.base import (
    ChannelEvent,
    ContactOpened,
    CustomerMessageAdded,
    FileAdded,
    MalformedBodyError,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.slack import Slack
from intake.domain.model import ChannelConnection

# A vector of Slack's documentation.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SIGNED_AT = "1531420618"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
    b".803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
NOW = datetime.fromtimestamp(1531420619, UTC)


def verify(
    signature: str = SIGNATURE, signed_at: str = SIGNED_AT, body: bytes = BODY, now: datetime = NOW
) -> None:
    connection = ChannelConnection("acme", "slack", SECRET, {})
    headers = {"x-slack-signature": signature, "x-slack-request-timestamp": signed_at}
    Slack().verify(connection, WebhookRequest(headers, body), now)


def test_documented_signature_is_accepted() -> None:
    verify()


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": SIGNATURE.removeprefix("v0=")},
        {"signature": ""},
        {"signed_at": "1531420619"},
        {"signed_at": "now"},
        {"body": BODY + b"&"},
    ],
)
def test_any_other_signature_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSignatureError):
        verify(**changes)


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_right_signature_of_another_time_is_refused(away: timedelta) -> None:
    with pytest.raises(StaleRequestError):
        verify(now=NOW + away)


def read(body: bytes, **options: Any) -> list[ChannelEvent]:
    connection = ChannelConnection("acme", "slack", SECRET, options)
    return Slack().parse(connection, WebhookRequest({}, body))


def read_message(fields: dict[str, Any], **options: Any) -> list[ChannelEvent]:
    usual = {"type": "message", "channel": "C1", "user": "U1", "text": "Hi", "ts": "1795863600.1"}
    body = {"type": "event_callback", "event_id": "Ev1", "event": {**usual, **fields}}
    return read(json.dumps(body).encode(), **options)


def form(**fields: Any) -> bytes:
    return urlencode(fields).encode()


def interaction(**fields: Any) -> bytes:
    usual = {"type": "message_action", "user": {"id": "U2"}, "trigger_id": "13.37.a"}
    return form(payload=json.dumps({**usual, **fields}))


def test_challenge_is_answered_as_it_came() -> None:
    request = WebhookRequest({}, b'{"type": "url_verification", "challenge": "3eZbrw1a"}')
    reply = Slack().reply(request)
    assert reply is not None
    assert (reply.content, reply.media_type) == (b"3eZbrw1a", "text/plain")
    assert read(request.body) == []


def test_thread_is_one_contact() -> None:
    first, reply = (
        event
        for fields in ({}, {"ts": "1795863700.5", "thread_ts": "1795863600.1", "user": "U9"})
        for event in read_message(fields, representatives=["U9"])
    )
    assert isinstance(first, CustomerMessageAdded)
    assert isinstance(reply, RepresentativeMessageAdded)
    assert first.contact.ref == reply.contact.ref == "C1/1795863600.1"
    assert first.moment is not None
    assert first.moment.at == datetime.fromtimestamp(1795863600.1, UTC)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bot_id": "B1", "thread_ts": "1795863000.1"}, [RepresentativeMessageAdded]),
        ({"bot_id": "B1"}, []),
        ({"subtype": "message_changed"}, []),
        ({"subtype": "channel_join"}, []),
        ({"type": "reaction_added"}, []),
        ({"text": None}, [UnrelatedUpdate]),
        ({"text": None, "files": [{"id": "F1", "url_private": "https://x/f"}]}, None),
        ({"type": "app_mention"}, [CustomerMessageAdded]),
    ],
)
def test_message_becomes_events(fields: dict[str, Any], expected: list[type] | None) -> None:
    kinds = [type(event) for event in read_message(fields)]
    assert kinds == (expected if expected is not None else [CustomerMessageAdded, FileAdded])


def test_customer_in_a_thread_of_a_representative_is_who_writes() -> None:
    fields = {"thread_ts": "1795863000.1", "parent_user_id": "U9"}
    (event,) = read_message(fields, representatives=["U9"])
    assert event.contact.customer.customer_id == "U1"


def test_command_makes_a_contact_that_asks_for_a_supervisor() -> None:
    body = form(command="/Supervisor", text="Help", user_id="U1", channel_id="C1", trigger_id="7.a")
    opened, requested = read(body)
    assert isinstance(opened, ContactOpened)
    assert isinstance(requested, SupervisorRequested)
    assert requested.quote == "Help"
    reply = Slack().reply(WebhookRequest({}, body))
    assert reply is not None
    assert json.loads(reply.content)["response_type"] == "ephemeral"


def test_other_commands_and_shortcuts_are_ignored() -> None:
    assert read(form(command="/weather", user_id="U1", trigger_id="7.a")) == []
    assert read(interaction(callback_id="create_task")) == []
    assert read(interaction(type="view_submission", view={"callback_id": "ask_supervisor"})) == []
    assert read(form(ssl_check="1", token="x")) == []


@pytest.mark.parametrize(
    "fields",
    [
        {
            "callback_id": "ask_supervisor",
            "channel": {"id": "C1"},
            "message": {"ts": "1795863700.5", "thread_ts": "1795863600.1", "text": "Hm", "user": 7},
        },
        {
            "type": "block_actions",
            "actions": [{"action_id": "ask_supervisor"}],
            "container": {"message_ts": "1795863600.1", "channel_id": "C1"},
        },
    ],
)
def test_shortcut_asks_for_a_supervisor_in_its_thread(fields: dict[str, Any]) -> None:
    body = interaction(**fields)
    (event,) = read(body)
    assert isinstance(event, SupervisorRequested)
    assert event.contact.ref == "C1/1795863600.1"
    reply = Slack().reply(WebhookRequest({}, body))
    assert reply is not None
    assert reply.content == b""


def test_shortcut_without_a_message_is_a_contact_of_the_user() -> None:
    (event,) = read(interaction(type="shortcut", callback_id="ask_supervisor"))
    assert (event.contact.ref, event.contact.customer.customer_id) == ("U2/13.37.a", "U2")


@pytest.mark.parametrize("body", [b"", b"payload=%7B", b"{", b"a=1", b"command=%2Fsupervisor"])
def test_body_that_is_no_request_of_slack_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read(body)
    Slack().reply(WebhookRequest({}, body))
