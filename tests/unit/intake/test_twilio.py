"""Twilio: its two signatures, and what calls and text messages mean."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from common.http.webhooks import BadSignatureError
from intake.channels.base import (
    CallMeasured,
    ChannelEvent,
    ContactEnded,
    ContactLeft,
    ContactOpened,
    ContactSolved,
    CustomerMessageAdded,
    FileAdded,
    MalformedBodyError,
    RepresentativeMessageAdded,
    SupervisorRequested,
    WebhookRequest,
)
from intake.channels.twilio import Twilio
from intake.domain.model import ChannelConnection

# Vectors of Twilio's own library.
TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
BODY = urlencode(
    {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
).encode()
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
WITH_PORT = "kvajT1Ptam85bY51eRf/AJRuM3w="
TWICE = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234"
TWICE_SIGNATURE = "IK+Dwps556ElfBT0I3Rgjkr1wJU="
JSON_BODY = b'{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNATURE = "a9nBmqA0ju/hNViExpshrM61xv4="
FORM = "application/x-www-form-urlencoded"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def verify(url: str, body: bytes, signature: str, media_type: str = FORM, **options: Any) -> None:
    connection = ChannelConnection("acme", "twilio", f"a-newer-token,{TOKEN}", options)
    headers = {"x-twilio-signature": signature, "content-type": media_type}
    Twilio().verify(connection, WebhookRequest(headers, body, url), NOW)


@pytest.mark.parametrize(
    ("url", "body", "signature"),
    [
        (URL, BODY, SIGNATURE),
        (URL, b"&".join(reversed(BODY.split(b"&"))), SIGNATURE),
        (URL, TWICE, TWICE_SIGNATURE),
        # The port is signed, or it is not, whatever the address here has.
        (URL, BODY, WITH_PORT),
        (URL.replace(".com/", ".com:443/"), BODY, SIGNATURE),
        # A proxy took the encryption away.
        (URL.replace("https:", "http:"), BODY, SIGNATURE),
    ],
)
def test_documented_signature_is_accepted(url: str, body: bytes, signature: str) -> None:
    verify(url, body, signature)


def test_signature_of_the_public_address_is_accepted() -> None:
    inside = "http://10.0.0.7:8001/v1/channels/twilio/acme?foo=1&bar=2"
    verify(inside, BODY, SIGNATURE, public_url="https://mycompany.com/myapp.php")
    with pytest.raises(BadSignatureError):
        verify(inside, BODY, SIGNATURE)


def test_signature_of_a_json_body_is_by_its_hash() -> None:
    verify(JSON_URL, JSON_BODY, JSON_SIGNATURE, "application/json")
    with pytest.raises(BadSignatureError):
        verify(JSON_URL, JSON_BODY + b" ", JSON_SIGNATURE, "application/json")


@pytest.mark.parametrize(
    ("url", "body", "signature"),
    [
        (URL, BODY, ""),
        (URL, BODY, SIGNATURE.lower()),
        (URL, BODY + b"&More=1", SIGNATURE),
        (f"{URL}&more=1", BODY, SIGNATURE),
        # A form is signed by its parameters, never by its hash.
        (JSON_URL, JSON_BODY, JSON_SIGNATURE),
        (URL, b"&a=1" * 2000, SIGNATURE),
    ],
)
def test_any_other_signature_is_refused(url: str, body: bytes, signature: str) -> None:
    with pytest.raises(BadSignatureError):
        verify(url, body, signature)


def read(parameters: dict[str, str], **options: Any) -> list[ChannelEvent]:
    connection = ChannelConnection("acme", "twilio", TOKEN, options)
    request = WebhookRequest({"content-type": FORM}, urlencode(parameters).encode())
    return Twilio().parse(connection, request)


def call(**parameters: str) -> dict[str, str]:
    numbers = {"From": "+491701234567", "To": "+49301234567", "Direction": "inbound"}
    return {"CallSid": "CA1", **numbers, **parameters}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"CallStatus": "ringing"}, []),
        ({"CallStatus": "in-progress", "Digits": "0"}, [SupervisorRequested]),
        ({"CallStatus": "in-progress", "Digits": "3"}, []),
        ({"SpeechResult": "my boiler"}, [CustomerMessageAdded]),
        ({"TranscriptionText": "call me back"}, [CustomerMessageAdded]),
        ({"CallStatus": "No-Answer"}, [ContactLeft]),
        ({"CallStatus": "canceled"}, [ContactLeft]),
        ({"CallStatus": "in-progress", "QueueResult": "hangup"}, [ContactLeft]),
        ({"QueueResult": "bridged"}, [RepresentativeMessageAdded]),
        ({"DialCallStatus": "completed"}, [RepresentativeMessageAdded, ContactSolved]),
        ({"DialCallStatus": "no-answer"}, []),
        ({"CallStatus": "completed"}, [ContactEnded]),
        ({"ParentCallSid": "CA0", "CallStatus": "in-progress"}, [RepresentativeMessageAdded]),
        ({"ParentCallSid": "CA0", "CallStatus": "no-answer"}, []),
        (
            {"DialCallStatus": "completed", "DialCallSid": "CA2", "DialCallDuration": "61"},
            [RepresentativeMessageAdded, CallMeasured, ContactSolved],
        ),
        (
            {"ParentCallSid": "CA0", "CallStatus": "completed", "CallDuration": "61"},
            [RepresentativeMessageAdded, CallMeasured],
        ),
        ({"ParentCallSid": "CA0", "CallStatus": "completed", "CallDuration": "0"}, []),
        # That of the whole call has the queue in it.
        ({"CallStatus": "completed", "CallDuration": "90"}, [ContactEnded]),
    ],
)
def test_call_becomes_events(parameters: dict[str, str], expected: list[type]) -> None:
    events = read(call(**parameters))
    assert [type(event) for event in events] == [ContactOpened, *expected]
    assert {event.contact.ref for event in events} == {parameters.get("ParentCallSid", "CA1")}
    assert len({event.event_id for event in events}) == len(events)


def test_leg_is_measured_with_who_answered_it() -> None:
    leg = call(ParentCallSid="CA0", CallSid="CA2", CallStatus="completed", CallDuration="61")
    *_, measured = read(leg)
    assert isinstance(measured, CallMeasured)
    assert (measured.call_id, measured.duration_s) == ("CA2", 61)
    assert measured.account == "+49301234567"


@pytest.mark.parametrize("duration", ["", "-5", "1e3", "²", "9" * 40, "86401"])
def test_duration_that_cannot_be_is_left_out(duration: str) -> None:
    leg = call(ParentCallSid="CA0", CallStatus="completed", CallDuration=duration)
    assert not any(isinstance(event, CallMeasured) for event in read(leg))


def test_event_of_a_conference_is_no_contact() -> None:
    sent = {"ConferenceSid": "CF1", "CallSid": "CA9", "StatusCallbackEvent": "participant-join"}
    assert read(sent) == []


def test_call_of_ours_is_no_contact() -> None:
    assert read(call(Direction="outbound-api")) == []


def test_key_for_a_supervisor_is_an_option() -> None:
    _, requested = read(call(Digits="99#"), supervisor_keys=["99"])
    assert isinstance(requested, SupervisorRequested)
    assert requested.quote == "Pressed 99."


def test_call_is_placed_by_the_time_and_number_that_twilio_gives() -> None:
    sent = call(Timestamp="Sat, 28 Nov 2026 11:00:00 +0100", SequenceNumber="3")
    (opened,) = read(sent)
    assert opened.moment is not None
    assert (opened.moment.at, opened.moment.position) == (
        datetime(2026, 11, 28, 10, tzinfo=UTC),
        3,
    )
    (opened,) = read(call(Timestamp="soon", SequenceNumber="-1"))
    assert opened.moment is None


def test_number_that_was_called_says_the_topic() -> None:
    (opened,) = read(call(), topic_by_tag={"To=+49301234567": "repairs"})
    assert opened.contact.topic == "repairs"


def test_text_message_belongs_to_the_thread_of_its_numbers() -> None:
    sent = {
        "MessageSid": "SM1",
        "From": "+491701234567",
        "To": "+49301234567",
        "Body": "See the photo",
        "NumMedia": "1",
        "MediaUrl0": "https://api.twilio.com/m/1",
        "MediaContentType0": "image/jpeg",
    }
    message, file = read(sent)
    assert isinstance(message, CustomerMessageAdded)
    assert (message.text, message.message_ref) == ("See the photo", "SM1")
    assert message.contact.ref == "+491701234567/+49301234567"
    assert isinstance(file, FileAdded)


def test_status_of_a_message_of_ours_is_ignored() -> None:
    assert read({"MessageSid": "SM1", "MessageStatus": "sent", "From": "+1", "To": "+2"}) == []


@pytest.mark.parametrize("parameters", [{}, {"CallSid": " "}, {"MessageSid": "SM1"}])
def test_body_without_what_it_is_about_is_malformed(parameters: dict[str, str]) -> None:
    with pytest.raises(MalformedBodyError):
        read(parameters)
