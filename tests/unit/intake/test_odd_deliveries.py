"""Whatever a delivery says: it is refused with a reason, or its events can be stored."""

import json
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.channels.base import MalformedBodyError
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from integration.intake.channel_samples import (
    BINARY,
    MAILGUN,
    SALESFORCE,
    SENDGRID,
    SLACK_COMMAND,
    TWILIO,
    Sample,
    make_form,
)
from unit.intake.odd_deliveries import (
    EVERY_KIND,
    IN_JSON,
    ODD_VALUES,
    TEXTS,
    TIMES,
    nested,
    odd_texts,
    odd_values,
    places,
    put,
    read,
)

# So many take a second or two of a parser.
FEW: Final = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TWILIO_FIELDS: Final = (
    *("CallSid", "ParentCallSid", "CallStatus", "CallDuration", "Timestamp", "SequenceNumber"),
    *("Digits", "SpeechResult", "QueueResult", "DialCallStatus", "From", "To", "MessageSid"),
    *("Body", "MediaUrl0", "MediaContentType0"),
)
SLACK_FIELDS: Final = ("command", "text", "user_id", "channel_id", "trigger_id", "payload")
MAIL_FIELDS: Final = (
    *("headers", "from", "to", "subject", "charsets", "text", "html", "email"),
    *("token", "timestamp", "message-headers", "body-plain", "body-mime", "date", "message-id"),
)
MAIL_HEADERS: Final = (
    *("Date", "From", "To", "Subject", "Message-ID", "References", "In-Reply-To"),
    *("Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Content-Language"),
    *("Auto-Submitted", "X-Priority", "Any-Header"),
)


def named(sample: Sample) -> str:
    return sample.name


@pytest.mark.parametrize("sample", IN_JSON, ids=named)
def test_values_of_json_may_be_odd(sample: Sample) -> None:
    document = json.loads(sample.body)
    for place in places(document):
        for value in ODD_VALUES:
            read(sample, json.dumps(put(document, place, value)).encode())


@pytest.mark.parametrize("sample", IN_JSON, ids=named)
@FEW
@given(st.data())
def test_several_values_of_json_may_be_odd(sample: Sample, data: st.DataObject) -> None:
    document = json.loads(sample.body)
    for _ in range(data.draw(st.integers(2, 5))):
        place = data.draw(st.sampled_from([*places(document)][:60]))
        document = put(document, place, data.draw(odd_values))
    read(sample, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("sample", "names"), [(TWILIO, TWILIO_FIELDS), (SLACK_COMMAND, SLACK_FIELDS)]
)
@FEW
@given(st.data())
def test_any_field_of_a_form_may_be_odd(
    sample: Sample, names: tuple[str, ...], data: st.DataObject
) -> None:
    fields = dict(parse_qsl(sample.body.decode()))
    fields |= data.draw(st.dictionaries(st.sampled_from(names), odd_texts, max_size=5))
    read(sample, urlencode(fields, errors="surrogatepass").encode())


@pytest.mark.parametrize("name", ["Timestamp", "SequenceNumber", "CallSid", "From"])
def test_fields_of_a_call_may_be_odd(name: str) -> None:
    call = {"CallSid": "CA81", "From": "+491701234567", "CallStatus": "completed", "Digits": "0"}
    for value in (*TIMES, *TEXTS):
        fields = {**call, name: value}
        read(TWILIO, urlencode(fields, errors="surrogatepass").encode())


@pytest.mark.parametrize("sample", [SENDGRID, MAILGUN], ids=named)
@FEW
@given(fields=st.dictionaries(st.sampled_from(MAIL_FIELDS), odd_texts, max_size=5))
def test_any_field_of_a_mail_may_be_odd(sample: Sample, fields: dict[str, str]) -> None:
    usual = {"from": "a@example.org", "token": "t", "timestamp": "1795863600", "text": "Hi"}
    read(sample, make_form({**usual, **fields}))


@FEW
@given(
    st.lists(st.tuples(st.sampled_from(MAIL_HEADERS), odd_texts), max_size=5),
    st.one_of(st.binary(max_size=60), odd_texts.map(lambda text: text.encode("utf-8", "replace"))),
)
def test_any_mail_is_refused_or_can_be_stored(
    headers: list[tuple[str, str]], content: bytes
) -> None:
    lines = "".join(f"{name}: {value}\n" for name, value in headers)
    head = f"From: a@example.org\n{lines}\n".encode("utf-8", "surrogatepass")
    with suppress(MalformedBodyError):
        mail_events(read_raw_mail(head + content), MailOptions(), "e-1", None)
    read(SENDGRID, make_form({"email": "EMAIL"}).replace(b"EMAIL", head + content))


@FEW
@given(st.dictionaries(st.sampled_from(("id", "source", "type", "time")), odd_texts, max_size=3))
def test_any_attribute_of_a_binary_event_may_be_odd(attributes: dict[str, str]) -> None:
    written = {f"ce-{name}": quote(text, errors="replace") for name, text in attributes.items()}
    read(BINARY, BINARY.body, written)


@pytest.mark.parametrize("data", ["\u00e9", "=", "AA", "eyJhIjoxfQ", "W" * 5_000])
def test_data_that_is_no_base64_is_an_unreadable_part(data: str) -> None:
    event = {"id": "e-1", "source": "/shop", "type": "contact.received", "data_base64": data}
    read(BINARY, json.dumps([event, nested(3, "data")]).encode(), {"ce-id": "", "ce-type": ""})


@FEW
@given(st.data())
def test_any_element_of_an_outbound_message_may_be_odd(data: st.DataObject) -> None:
    body = SALESFORCE.body.decode()
    replaced = ("5005g000009AbCdAAK", "04l5g000001AbCdAAK", "High", "New", "Phone", "MARK")
    for text in replaced:
        if data.draw(st.booleans()):
            body = body.replace(text, data.draw(odd_texts))
    read(SALESFORCE, body.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("sample", EVERY_KIND, ids=named)
@FEW
@given(st.data())
def test_any_bytes_may_stand_anywhere(sample: Sample, data: st.DataObject) -> None:
    size = len(sample.body)
    start = data.draw(st.integers(0, size))
    end = data.draw(st.integers(start, min(size, start + 40)))
    noise = data.draw(st.binary(max_size=20))
    read(sample, sample.body[:start] + noise + sample.body[end:])


@pytest.mark.parametrize("sample", EVERY_KIND, ids=named)
@FEW
@given(body=st.binary(max_size=300))
def test_any_body_is_refused_or_can_be_stored(sample: Sample, body: bytes) -> None:
    read(sample, body)
