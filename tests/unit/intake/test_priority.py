"""How urgent a contact is, changed by people, by its channel, and by a clock's threshold."""

import pytest
from msgspec.structs import replace

from common.contracts.contacts import ContactPrioritized
from intake.domain import contacts
from intake.domain.actors import Actor
from intake.domain.errors import WrongStateError
from intake.domain.model import Contact, Decision, Moment
from unit.intake.examples import ABANDONED, AT, CONTACT, RESOLVED, SARA, WAITING


def test_changed_priority_is_kept_and_published() -> None:
    decision = contacts.prioritize(CONTACT, "urgent", "medicine", Actor("all", SARA), AT)
    contact = decision.contact
    assert contact == replace(CONTACT, priority="urgent", latest=contact.latest)
    assert contact.latest == {"priority": Moment(AT)}
    assert decision.events == (
        ContactPrioritized(
            contact_id=CONTACT.contact_id,
            occurred_at=AT,
            priority="urgent",
            reason="medicine",
            by=SARA,
        ),
    )


def test_same_priority_changes_nothing() -> None:
    sara = Actor("all", SARA)
    assert contacts.prioritize(CONTACT, CONTACT.priority, "again", sara, AT).events == ()


def test_contact_that_waits_for_the_customer_may_become_urgent() -> None:
    decision = contacts.prioritize(WAITING, "urgent", "medicine", Actor("all", SARA), AT)
    assert (decision.contact.state, len(decision.events)) == ("waiting_on_customer", 1)


@pytest.mark.parametrize("ended", [RESOLVED, ABANDONED], ids=["resolved", "abandoned"])
def test_ended_contact_keeps_its_priority(ended: Contact) -> None:
    with pytest.raises(WrongStateError, match=f"{ended.state}; it can't be given another priority"):
        contacts.prioritize(ended, "urgent", "medicine", Actor("all", SARA), AT)


def test_change_by_a_rule_names_nobody() -> None:
    decision = contacts.prioritize_by_rule(CONTACT, "high", "half of the time is spent", AT)
    (event,) = decision.events
    assert isinstance(event, ContactPrioritized)
    assert (event.priority, event.reason, event.by) == ("high", "half of the time is spent", None)


@pytest.mark.parametrize("ended", [RESOLVED, ABANDONED], ids=["resolved", "abandoned"])
def test_change_by_a_rule_after_the_end_changes_nothing(ended: Contact) -> None:
    decision = contacts.prioritize_by_rule(ended, "urgent", "too late", AT)
    assert decision == Decision(ended)
