"""What an escalation changes at the contact."""

import pytest

from common.contracts.contacts import ContactResolved
from common.contracts.event import PersonId
from intake.domain import escalation_mirror
from intake.domain.model import Contact, EscalationView
from unit.intake.examples import ABANDONED, AT, CONTACT, RESOLVED, SARA

VIEW = EscalationView("resolved", "supervisor", SARA, AT)


def test_resolved_escalation_resolves_its_contact_once() -> None:
    decision = escalation_mirror.resolve_from_escalation(
        CONTACT, PersonId("sara"), "refund: all of it", VIEW
    )
    assert [type(event) for event in decision.events] == [ContactResolved]
    assert decision.contact.escalation == VIEW
    again = escalation_mirror.resolve_from_escalation(decision.contact, SARA, "refund", VIEW)
    assert again.events == ()


@pytest.mark.parametrize("ended", [RESOLVED, ABANDONED], ids=["resolved", "abandoned"])
def test_resolved_escalation_is_mirrored_only_at_ended_contact(ended: Contact) -> None:
    decision = escalation_mirror.resolve_from_escalation(ended, SARA, "refund", VIEW)
    assert decision.events == ()
    assert (decision.contact.state, decision.contact.escalation) == (ended.state, VIEW)
