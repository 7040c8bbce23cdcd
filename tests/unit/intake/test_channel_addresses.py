"""Which addresses of a customer each kind of channel states, and of which it says to have proof."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from intake.channels.base import CaseToRead, Channel, UnreadablePart, WebhookRequest
from intake.channels.dynamics import Dynamics
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.channels.salesforce import Salesforce
from intake.channels.standard_webhooks import StandardWebhooks
from intake.channels.twilio import Twilio
from intake.channels.zendesk import Zendesk
from intake.domain.addresses import StatedAddress
from intake.domain.model import ChannelConnection
from integration.intake.outbound_messages import ORGANIZATION, envelope, record

FORM = {"content-type": "application/x-www-form-urlencoded"}
ADA = "ada@example.org"
NUMBER = "+442079460018"


def addresses(
    channel: Channel, body: bytes, headers: dict[str, str] | None = None, **options: Any
) -> tuple[StatedAddress, ...]:
    connection = ChannelConnection("acme", channel.kind, "a-secret-of-a-test", options)
    first = channel.parse(connection, WebhookRequest(headers or {}, body))[0]
    assert not isinstance(first, UnreadablePart | CaseToRead)
    return first.contact.customer.stated_addresses


@pytest.mark.parametrize(("attestation", "verified"), [("A", True), ("B", False), ("", False)])
def test_number_of_a_caller_is_verified_if_the_callers_company_signed_it(
    attestation: str, *, verified: bool
) -> None:
    call = {"CallSid": "CA1", "From": NUMBER, "To": "+18005550100"}
    call["StirVerstat"] = f"TN-Validation-Passed-{attestation}"
    stated = addresses(Twilio(), urlencode(call).encode(), FORM, default_region="GB")
    assert stated == (("phone", NUMBER, verified, "GB"),)


def test_number_of_a_text_message_is_not_verified() -> None:
    message = {"MessageSid": "SM1", "From": NUMBER, "To": "+18005550100", "Body": "Hi"}
    stated = addresses(Twilio(), urlencode(message).encode(), FORM)
    assert stated == (("phone", NUMBER, False, None),)


def test_sender_of_a_mail_is_the_address_and_an_addressee_of_ours_is_not_proven() -> None:
    options = MailOptions(own_addresses=("@example.com",))
    for sender, receiver, verified in (
        (ADA, "help@example.com", True),
        ("help@example.com", ADA, False),
    ):
        raw = f"From: {sender}\r\nTo: {receiver}\r\n\r\nHello\r\n".encode()
        event = mail_events(read_raw_mail(raw), options, "e-1", None)[0]
        assert event.contact.customer.stated_addresses == (("email", ADA, verified, None),)


def test_record_of_salesforce_is_proof_and_its_form_is_none() -> None:
    fields = {
        "Id": "500A",
        "ContactEmail": ADA,
        "ContactMobile": "020 7946 0018",
        "SuppliedEmail": "typed@example.org",
        "SuppliedPhone": "12",
    }
    body = envelope(record(**fields))
    stated = addresses(Salesforce(), body, organization=ORGANIZATION, default_region="GB")
    assert stated == (
        ("email", ADA, True, "GB"),
        ("phone", "020 7946 0018", True, "GB"),
        ("email", "typed@example.org", False, "GB"),
        ("phone", "12", False, "GB"),
    )


def test_mail_address_of_a_case_in_dynamics_is_not_verified() -> None:
    case = "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
    body = {
        "MessageName": "Create",
        "PrimaryEntityName": "incident",
        "PrimaryEntityId": case,
        "OperationId": "o-1",
        "InputParameters": [
            {
                "key": "Target",
                "value": {"Id": case, "Attributes": [{"key": "emailaddress", "value": ADA}]},
            }
        ],
    }
    assert addresses(Dynamics(), json.dumps(body).encode()) == (("email", ADA, False, None),)


@pytest.mark.parametrize("verified", [True, False, None])
def test_own_event_says_whether_it_has_proof(*, verified: bool | None) -> None:
    customer = {"id": "c-7", "email": ADA, "phone": NUMBER, "verified": verified}
    contact = {"ref": "T-7", "customer": customer}
    body = {"type": "contact.received", "data": {"contact": contact}}
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1614265330"}
    stated = addresses(StandardWebhooks(), json.dumps(body).encode(), headers)
    assert stated == (
        ("email", ADA, bool(verified), None),
        ("phone", NUMBER, bool(verified), None),
    )


def test_requester_in_zendesk_is_a_suggestion() -> None:
    ticket = {"id": 1, "requester_id": 7, "requester_email": ADA, "requester_phone": NUMBER}
    body = {"id": "d-1", "type": "zen:event-type:ticket.created", "detail": ticket, "event": {}}
    stated = addresses(Zendesk(), json.dumps(body).encode(), default_region="US")
    assert stated == (("email", ADA, False, None), ("phone", NUMBER, False, "US"))
