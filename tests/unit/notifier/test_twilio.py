"""Telephones: what they get, and what Twilio's answers mean."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace

from notifier import rendering
from notifier.channels import twiml
from notifier.channels.base import MalformedPayloadError, SignatureRefusedError
from notifier.channels.phone_texts import (
    PhoneWords,
    phone_words,
    spoken,
    template_variables,
    text_message,
)
from notifier.channels.sms import SmsAddress
from notifier.channels.twilio import TwilioAccount, phone_number, read_answer
from notifier.domain.content import HeldPage, Summary
from notifier.domain.content_levels import ContentLevels
from notifier.domain.delivery import Outcome, Postponed, Refused, RetryPolicy, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address
from notifier.domain.sms_segments import count_segments
from notifier.links import Links
from unit.notifier.examples import AT, notification

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
# A vector of Twilio's own library.
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
    "Caller": "+14158675309",
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
LINKS = Links("secret", "https://up.example.com", timedelta(hours=1), "https://c.example.com")
LONG = Links("secret", f"https://{'up' * 60}.example.com", timedelta(hours=1))


def account(*tokens: str) -> TwilioAccount:
    return TwilioAccount("", "AC1", tokens, "https://mycompany.com", RetryPolicy())


def unnamed(page: Notification) -> Notification:
    return ContentLevels().shown(replace(page, medium="sms"))


def words(**changes: str) -> PhoneWords:
    fields = {"headline": "Late", "deadline": "Answer by 14:12.", "hint": "Reply 1.", "link": "L"}
    return PhoneWords(**{**fields, **changes})


@pytest.mark.parametrize("tokens", [("12345",), ("a-newer-token", "12345")])
def test_documented_signature_is_accepted(tokens: tuple[str, ...]) -> None:
    body = urlencode(FIELDS).encode()
    assert account(*tokens).read_form("/myapp.php?foo=1&bar=2", body, SIGNATURE) == FIELDS


@pytest.mark.parametrize(
    ("target", "body", "signature", "tokens"),
    [
        ("/myapp.php?foo=1", urlencode(FIELDS).encode(), SIGNATURE, ("12345",)),
        ("/myapp.php?foo=1&bar=2", urlencode(FIELDS).encode() + b"&A=1", SIGNATURE, ("12345",)),
        ("/myapp.php?foo=1&bar=2", urlencode(FIELDS).encode(), "", ("12345",)),
        ("/myapp.php?foo=1&bar=2", urlencode(FIELDS).encode(), "é", ("12345",)),
        ("/myapp.php?foo=1&bar=2", urlencode(FIELDS).encode(), SIGNATURE, ()),
        ("/myapp.php?foo=1&bar=2", urlencode(FIELDS).encode(), SIGNATURE, ("other",)),
    ],
)
def test_any_other_signature_is_refused(
    target: str, body: bytes, signature: str, tokens: tuple[str, ...]
) -> None:
    with pytest.raises(SignatureRefusedError):
        account(*tokens).read_form(target, body, signature)


@pytest.mark.parametrize("body", [b"a=%ff&b=\xff", b"&a=1" * 300])
def test_body_that_is_no_form_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayloadError):
        account("12345").read_form("/", body, SIGNATURE)


def test_text_message_says_what_how_long_how_to_answer_and_where() -> None:
    text = text_message(phone_words(notification(), LINKS, AT))
    assert text == (
        'Billing chat from "Ada": first response 2 min overdue. '
        "Answer by 14:12:30 UTC (12 min 30 s left). "
        "Reply 1 to acknowledge, 2 to take over. "
        "https://c.example.com/e/0199c1f0-1111-7bd3-8f5e-0d5f3f7f2c11"
    )
    assert count_segments(text) == 2


def test_text_message_names_no_customer_unless_it_may() -> None:
    text_words = phone_words(unnamed(notification()), LINKS, AT)
    assert text_words.headline == "Billing chat from a customer: first response 2 min overdue"


def test_page_that_only_informs_has_no_hint() -> None:
    text_words = phone_words(notification(reason="warning"), LINKS, AT)
    assert not text_words.hint
    assert "Reply" not in text_message(text_words)


def test_summary_names_the_first_page() -> None:
    page = notification()
    held_page = HeldPage(page.notification_id, page.contact_id, page.escalation_id, page.content)
    content = replace(page.content, summary=Summary((held_page,), 11))
    summary = replace(page, kind="summary", content=content)
    text_words = phone_words(unnamed(summary), LINKS, AT)
    assert text_words.headline == (
        "12 messages were held back. "
        "First: Billing chat from a customer: first response 2 min overdue"
    )


SPOKEN_WORDS = {
    "en": ("en-US", "This is Upstairs.", "Press 1 to acknowledge.", "Reply 1 to"),
    "de": ("de-DE", "Hier ist Upstairs.", "Drücken Sie 1 zum Bestätigen.", "Antworten Sie mit 1"),
    "es": ("es-ES", "Aquí Upstairs.", "Pulse 1 para confirmar.", "Responda 1 para"),
    "fr": ("fr-FR", "Ici Upstairs.", "Tapez 1 pour confirmer.", "Répondez 1 pour"),
    "pt": ("pt-PT", "Fala o Upstairs.", "Prima 1 para confirmar.", "Responda 1 para"),
    "it": ("it-IT", "Qui è Upstairs.", "Prema 1 per confermare.", "Risponda 1 per"),
    # Without a catalogue both are English.
    "pl": ("en-US", "This is Upstairs.", "Press 1 to acknowledge.", "Reply 1 to"),
}


@pytest.mark.parametrize("language", SPOKEN_WORDS)
def test_voice_and_words_are_of_the_same_language(language: str) -> None:
    page = replace(notification(), language=language)
    text_words = phone_words(unnamed(page), LINKS, AT)
    voice, greeting, keys, hint = SPOKEN_WORDS[language]
    call = fromstring(twiml.call(spoken(text_words), "https://up/keys/t", "-", language))
    assert {each.attrib["language"] for each in call.iter("Say")} == {voice}
    first = next(call.iter("Say")).text or ""
    assert first.startswith(greeting)
    assert keys in first
    content = unnamed(page).content
    words_of_language = rendering.words(content, AT, language=language, has_console=True)
    assert words_of_language.headline in first
    text = text_message(text_words)
    assert hint in text
    assert count_segments(text) <= 2
    variables = template_variables(text_words)
    assert (variables["1"], variables["2"]) == (
        words_of_language.headline,
        words_of_language.deadline,
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Late. Answer by 14:12. Reply 1. L"),
        ({"link": "L" * 300}, "Late. Reply 1."),
        ({"deadline": "d" * 300}, "Late. Reply 1. L"),
        ({"headline": "h" * 400}, f"{'h' * 292}... Reply 1. L"),
        ({"headline": "h" * 400, "link": "L" * 250}, f"{'h' * 43}... Reply 1. {'L' * 250}"),
        ({"headline": "h" * 400, "link": "L" * 290}, f"{'h' * 294}... Reply 1."),
        ({"headline": "á" * 400}, f"{'á' * 120}... Reply 1. L"),
    ],
)
def test_text_message_fits_two_segments(changes: dict[str, str], expected: str) -> None:
    text = text_message(words(**changes))
    assert text == expected
    assert count_segments(text) <= 2


def test_link_with_a_long_token_gives_way_to_the_headline() -> None:
    text_words = phone_words(notification(), LONG, AT)
    assert count_segments(text_words.link) == 2
    assert text_message(text_words).endswith("take over.")


def test_call_says_it_twice_and_takes_a_key() -> None:
    hostile = words(headline="<Dial>+1900</Dial> & \x0b\ud83d")
    call = fromstring(twiml.call(spoken(hostile), "https://up/keys/t?a=1&b=2", "Goodbye.", "en"))
    gather, goodbye = call
    assert (gather.tag, goodbye.tag, goodbye.text) == ("Gather", "Say", "Goodbye.")
    assert gather.attrib["action"] == "https://up/keys/t?a=1&b=2"
    first, _, second = gather
    assert [each.tag for each in gather] == ["Say", "Pause", "Say"]
    assert first.text == second.text
    assert str(first.text).startswith("This is Upstairs. <Dial>+1900</Dial> &")
    assert str(first.text).endswith("Press 1 to acknowledge. Press 2 to take over.")


def test_call_that_asks_nothing_takes_no_key() -> None:
    call = fromstring(twiml.call(spoken(words(hint="")), "", "Goodbye.", "en"))
    assert [each.tag for each in call] == ["Say", "Pause", "Say"]
    assert "Press" not in str(call[0].text)


def test_longest_call_is_one_that_twilio_takes() -> None:
    longest = words(headline="&" * 600, deadline="<" * 600)
    call = twiml.call(spoken(longest), "https://up.example.com/" + "t" * 300, "Goodbye.", "pt")
    assert len(call) <= 4000


def test_variables_of_a_template_are_never_empty() -> None:
    assert template_variables(words(deadline="")) == {"1": "Late", "2": "-", "3": "L"}
    assert len(template_variables(words(headline="h" * 600))["1"]) == 300


def body(code: int) -> bytes:
    return orjson.dumps({"code": code, "message": "to +442079460018", "status": 400})


@pytest.mark.parametrize(
    ("status", "wait", "answer", "expected"),
    [
        (201, None, b'{"sid": "SM1", "status": "queued"}', Sent({"sid": "SM1"})),
        (200, None, b"<html>", Unknown("Twilio answered 200 with an unexpected body")),
        (201, None, b"{}", Unknown("Twilio answered 201 with an unexpected body")),
        (400, None, body(21610), Refused("Twilio refused: 21610, the person has opted out")),
        (
            400,
            None,
            body(21211),
            Refused("Twilio refused: 21211, no valid number to write to"),
        ),
        (400, None, body(30005), Refused("Twilio refused: 30005, the number is unknown")),
        (400, None, body(21614), Refused("Twilio refused: 21614, no mobile number")),
        # An operator can correct these, or they pass.
        (
            401,
            None,
            body(20003),
            Postponed("Twilio refused: 20003, the account or its token is wrong"),
        ),
        (400, None, body(21606), Postponed("Twilio refused: 21606")),
        (404, None, b"", Postponed("Twilio answered 404")),
        (302, None, b"", Postponed("Twilio answered 302")),
        (
            429,
            "7",
            body(20429),
            Postponed("Twilio refused: 20429, too many requests", timedelta(seconds=7)),
        ),
        (503, "soon", b"<html>", Postponed("Twilio answered 503")),
        (500, None, b'{"code": "x"}', Postponed("Twilio answered 500")),
    ],
)
def test_answer_of_twilio_is_read(
    status: int, wait: str | None, answer: bytes, expected: Outcome
) -> None:
    assert read_answer(status, wait, answer, AT) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+442079460018", "+442079460018"),
        ("whatsapp:+442079460018", "+442079460018"),
        ("whatsapp:", None),
        ("client:anna", None),
        ("+44 20", None),
        ("", None),
    ],
)
def test_number_of_a_callback_is_read(text: str, number: str | None) -> None:
    assert phone_number(text) == number


def test_stored_number_is_read_whatever_the_plan_of_numbers_says_today() -> None:
    stored = Address("sms", {"number": "+10000000000"})
    read: Any = SmsAddress.read(stored)
    assert (read.medium, read.number) == ("sms", "+10000000000")
    assert read.stored() == stored


@pytest.mark.parametrize(
    ("status", "code", "works"),
    [
        (429, 20429, True),
        (400, 21408, True),
        (400, None, True),
        (401, 20003, False),
        (403, None, False),
        (503, None, False),
    ],
)
def test_refusal_of_one_message_does_not_say_that_twilio_is_down(
    status: int, code: int | None, works: bool
) -> None:
    answer = read_answer(status, None, orjson.dumps({"code": code, "message": "no"}), AT)
    assert isinstance(answer, Postponed)
    assert answer.works is works
