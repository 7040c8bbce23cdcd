"""The form, the brand and other fields of a ticket in Zendesk are mapped as tags are."""

import pytest

from intake.channels.base import ContactOpened
from unit.intake.examples import zendesk_body, zendesk_events


def test_form_brand_and_fields_of_a_ticket_are_mapped_as_tags() -> None:
    ticket = {
        "form_id": 360001,
        "brand_id": "77",
        "group_id": None,
        "via": {"channel": "web"},
        "fields": {"product": "Washing machine", "contract": "gold"},
        "tags": ["invoice"],
    }
    options = {
        "topic_by_tag": {"form=360001": "warranty"},
        "language_by_tag": {"Brand=77": "es"},
        "priority_by_tag": {"product=washing machine": "urgent"},
        "tier_by_tag": {"contract=gold": "vip"},
        "campaign_by_tag": {"via=web": "spring"},
    }
    (event,) = zendesk_events(zendesk_body(ticket=ticket), **options)
    contact = event.contact
    assert (contact.topic, contact.language, contact.priority) == ("warranty", "es", "urgent")
    assert (contact.customer.tier, contact.campaign) == ("vip", "spring")


@pytest.mark.parametrize("via", [None, "web", 7, [], {"channel": {"x": 1}}])
def test_unknown_forms_of_fields_spoil_no_ticket(via: object) -> None:
    (event,) = zendesk_events(zendesk_body(ticket={"via": via, "fields": via, "type": via}))
    assert isinstance(event, ContactOpened)
