"""The topic and the language that a channel sends: read leniently, in one spelling."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from intake.api.schemas import ContactIn
from intake.channels.base import ContactOpened
from intake.channels.zendesk import ZendeskOptions
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.event_preparation import prepare_events
from unit.intake.examples import zendesk_body, zendesk_connection, zendesk_events

SIGNS = SignReader(standard_rules())
CONTACT = zendesk_events(zendesk_body())[0].contact
BODY: dict[str, Any] = {
    "channel": "chat",
    "customer": {"customer_id": "c-81"},
    "subject": "Charged twice",
    "topic": "Billing",
}


@pytest.mark.parametrize(
    ("sent", "language"),
    [("pt_br", "pt-BR"), ("EN", "en"), ("klingonese", "und"), ("", "und"), ("en--", "und")],
)
def test_language_of_a_channel_is_read_or_undetermined(sent: str, language: str) -> None:
    contact = replace(CONTACT, language=sent, topic="Billing")
    event = ContactOpened("e1", "ticket.created", contact)

    (prepared,) = prepare_events(zendesk_connection(), [event], CustomerNamespaces({}), SIGNS)

    assert (prepared.contact.topic, prepared.contact.language) == ("billing", language)


def test_request_has_one_spelling_of_topic_and_language() -> None:
    body = ContactIn.model_validate({**BODY, "language": "zh-hant-tw"})
    assert (body.topic, body.language) == ("billing", "zh-Hant-TW")


def test_request_with_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be a language as BCP 47 writes it"):
        ContactIn.model_validate({**BODY, "language": "klingonese"})


def test_mapping_of_tags_has_one_spelling() -> None:
    options = ZendeskOptions.model_validate(
        {"topic_by_tag": {"bill": "Billing"}, "language_by_tag": {"br": "pt-br"}}
    )
    assert (options.topic_by_tag, options.language_by_tag) == ({"bill": "billing"}, {"br": "pt-BR"})
