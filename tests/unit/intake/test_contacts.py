"""A contact's life, decided without any I/O."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from common.contracts.contacts import (
    ContactAbandoned,
    ContactReopened,
    ContactResolved,
    CustomerWrote,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomerEnded,
)
from intake.domain import contacts
from intake.domain.actors import NOBODY, Actor
from intake.domain.errors import WrongStateError
from intake.domain.model import Contact, ContactState, Decision
from unit.intake.examples import ABANDONED, AT, CONTACT, RESOLVED, RITA, WAITING, message

Command = Callable[[Contact], Decision]

ENDED = pytest.mark.parametrize("ended", [RESOLVED, ABANDONED], ids=["resolved", "abandoned"])


@ENDED
def test_customer_message_reopens_ended_contact(ended: Contact) -> None:
    decision = contacts.write(ended, message("It broke again"))
    contact = decision.contact
    assert (contact.state, contact.resolved_at, contact.resolved_by) == ("open", None, None)
    assert contact.resolution_no == ended.resolution_no
    reopened, wrote = decision.events
    assert isinstance(reopened, ContactReopened)
    assert (reopened.reason, reopened.by) == ("the customer wrote again", None)
    assert isinstance(wrote, CustomerWrote)


def test_customer_message_ends_the_wait_for_the_customer() -> None:
    decision = contacts.write(WAITING, message("Here it is"))
    assert decision.contact.state == "open"
    ended, wrote = decision.events
    assert isinstance(ended, WaitingOnCustomerEnded)
    assert ended.cause == "customer_wrote"
    assert isinstance(wrote, CustomerWrote)


@ENDED
def test_representative_cannot_reply_to_ended_contact(ended: Contact) -> None:
    with pytest.raises(WrongStateError, match=ended.state):
        contacts.write(ended, message("Sorry!", "representative"))


@pytest.mark.parametrize("automatic", [True, False])
def test_reply_says_whether_it_was_automatic(*, automatic: bool) -> None:
    written = message("We got your message.", "representative", automatic=automatic)
    (replied,) = contacts.write(CONTACT, written).events
    assert isinstance(replied, RepresentativeReplied)
    assert replied.automatic is automatic


@ENDED
def test_supervisor_request_reopens_ended_contact(ended: Contact) -> None:
    decision = contacts.request_supervisor(ended, "Your boss, please", AT)
    reopened, requested = decision.events
    assert isinstance(reopened, ContactReopened)
    assert isinstance(requested, SupervisorRequested)
    assert decision.contact.state == "open"


@pytest.mark.parametrize("state", ["discarded", "merged"])
def test_supervisor_request_does_not_reopen_what_is_no_work_here(state: ContactState) -> None:
    ended = replace(CONTACT, state=state)
    with pytest.raises(WrongStateError, match=f"{state}; it can't be escalated"):
        contacts.request_supervisor(ended, "Your boss, please", AT)


def test_resolution_carries_disposition_and_root_cause() -> None:
    decision = contacts.resolve(
        CONTACT,
        AT,
        Actor("all", RITA),
        note="refunded",
        disposition="refund",
        root_cause="double-booking",
        automatic=True,
    )
    assert decision.events == (
        ContactResolved(
            contact_id=CONTACT.contact_id,
            occurred_at=AT,
            by=RITA,
            note="refunded",
            disposition="refund",
            root_cause="double-booking",
            automatic=True,
        ),
    )
    contact = decision.contact
    assert (contact.state, contact.resolved_at, contact.resolved_by) == ("resolved", AT, RITA)
    assert contact.resolution_no == 1


def test_resolutions_are_counted_over_reopenings() -> None:
    reopened = contacts.reopen(RESOLVED, "no refund", Actor("all", RITA), AT)
    again = contacts.resolve(reopened.contact, AT, NOBODY)
    assert (again.contact.resolution_no, again.contact.resolved_by) == (2, None)


@ENDED
def test_reopening_names_the_person_who_reopened(ended: Contact) -> None:
    (reopened,) = contacts.reopen(ended, "no refund", Actor("all", RITA), AT).events
    assert isinstance(reopened, ContactReopened)
    assert (reopened.reason, reopened.by) == ("no refund", RITA)


def test_open_contact_is_abandoned() -> None:
    decision = contacts.abandon(CONTACT, "hung up", NOBODY, AT)
    assert (decision.contact.state, decision.contact.state_since) == ("abandoned", AT)
    assert decision.events == (
        ContactAbandoned(contact_id=CONTACT.contact_id, occurred_at=AT, by=None, reason="hung up"),
    )


@pytest.mark.parametrize(
    ("contact", "command", "action"),
    [
        (WAITING, lambda contact: contacts.abandon(contact, None, NOBODY, AT), "abandoned"),
        (RESOLVED, lambda contact: contacts.abandon(contact, None, NOBODY, AT), "abandoned"),
        (ABANDONED, lambda contact: contacts.abandon(contact, None, NOBODY, AT), "abandoned"),
        (ABANDONED, lambda contact: contacts.resolve(contact, AT, NOBODY), "resolved"),
        (RESOLVED, lambda contact: contacts.resolve(contact, AT, NOBODY), "resolved again"),
        (CONTACT, lambda contact: contacts.reopen(contact, "?", NOBODY, AT), "reopened"),
        (WAITING, lambda contact: contacts.reopen(contact, "?", NOBODY, AT), "reopened"),
        (WAITING, lambda contact: contacts.wait_for_customer(contact, AT), "set to wait"),
        (RESOLVED, lambda contact: contacts.wait_for_customer(contact, AT), "set to wait"),
        (ABANDONED, lambda contact: contacts.wait_for_customer(contact, AT), "set to wait"),
    ],
)
def test_command_in_wrong_state_is_refused(contact: Contact, command: Command, action: str) -> None:
    with pytest.raises(WrongStateError, match=f"it can't be {action}") as refused:
        command(contact)
    assert refused.value.state == contact.state
