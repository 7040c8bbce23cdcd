"""How urgent a contact is, changed by people, by its channel, and by a promise's threshold."""

from dataclasses import replace

import pytest

from common.contracts.contacts import ContactPrioritized
from common.contracts.event import PersonId
from intake import domain
from intake.channels import zendesk
from intake.channels.zendesk import Told
from intake.domain import WrongState
from unit.intake.examples import AT, CONTACT, RESOLVED, delivery

SARA = PersonId("sara")


def test_another_priority_is_kept_and_told() -> None:
    decision = domain.prioritize(CONTACT, "urgent", "medicine", SARA, AT)
    assert decision.contact == replace(CONTACT, priority="urgent")
    assert decision.events == (
        ContactPrioritized(
            contact_id=CONTACT.contact_id,
            occurred_at=AT,
            priority="urgent",
            because="medicine",
            by=SARA,
        ),
    )


def test_the_same_priority_changes_nothing() -> None:
    assert domain.prioritize(CONTACT, CONTACT.priority, "again", SARA, AT).events == ()


def test_what_waits_for_the_customer_may_become_urgent_too() -> None:
    waiting = replace(CONTACT, state="waiting_on_customer")
    decision = domain.prioritize(waiting, "urgent", "medicine", SARA, AT)
    assert (decision.contact.state, len(decision.events)) == ("waiting_on_customer", 1)


def test_what_is_resolved_keeps_its_priority() -> None:
    with pytest.raises(WrongState, match="resolved; it can't be given another priority"):
        domain.prioritize(RESOLVED, "urgent", "medicine", SARA, AT)


def test_a_rule_changes_it_in_nobodys_name() -> None:
    decision = domain.prioritize_by_rule(CONTACT, "high", "half of the time is spent", AT)
    (event,) = decision.events
    assert isinstance(event, ContactPrioritized)
    assert (event.priority, event.because, event.by) == ("high", "half of the time is spent", None)


def test_a_rule_that_comes_after_the_resolution_changes_nothing() -> None:
    decision = domain.prioritize_by_rule(RESOLVED, "urgent", "too late", AT)
    assert decision == domain.Decision(RESOLVED)


@pytest.mark.parametrize(
    ("current", "expected"), [("URGENT", "urgent"), ("low", "low"), (None, "normal"), (7, "normal")]
)
def test_zendesk_tells_of_a_priority(current: object, expected: str) -> None:
    changed = delivery(type="zen:event-type:ticket.priority_changed", event={"current": current})
    assert zendesk.told(changed) == Told("prioritized", priority=expected)  # type: ignore[arg-type]
