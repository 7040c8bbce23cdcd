"""After a contact ended without a reply, a reply and an assignment are owed again."""

from collections.abc import Callable

import pytest
from msgspec import structs

from common.contracts.clocks import ClockBreached, ClockMet, ClockName
from common.contracts.escalations import EscalationRaised
from escalation.domain.settings.policies import Target
from unit.escalation.clock_examples import clock_of, contact_with_clocks, due_s
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import contact_assigned, second

ASSIGNMENT = Target("assignment", 40)
FIRST = Target("first_response", 20)
NEXT = Target("next_response", 30)
RESOLUTION = Target("resolution", 500)


def _running(harness: ContactHarness) -> set[ClockName]:
    return {clock.name for clock in harness.contact.clocks if not clock.ended}


@pytest.mark.parametrize("end", [ContactHarness.resolve, ContactHarness.abandon])
@pytest.mark.parametrize(
    ("targets", "running"),
    [
        ((FIRST,), {"first_response"}),
        ((NEXT,), {"next_response"}),
        ((FIRST, NEXT), {"first_response"}),
        ((ASSIGNMENT, FIRST, NEXT, RESOLUTION), {"assignment", "first_response", "resolution"}),
    ],
)
def test_reopening_without_earlier_reply_owes_a_reply(
    end: Callable[[ContactHarness], None], targets: tuple[Target, ...], running: set[ClockName]
) -> None:
    harness = contact_with_clocks(*targets)
    harness.receive()
    harness.advance_to(1)
    end(harness)
    harness.advance_to(100)
    harness.reopen()
    assert _running(harness) == running
    assert harness.contact.reply_owed_since == second(100)
    harness.advance_to(160)
    assert {event.clock for event in harness.events(ClockBreached)} == running - {"resolution"}
    assert len(harness.events(EscalationRaised)) == 1


@pytest.mark.parametrize(
    ("targets", "running"),
    [
        ((FIRST,), {"first_response"}),
        ((NEXT,), {"next_response"}),
        ((FIRST, NEXT), {"next_response"}),
    ],
)
def test_reopening_after_a_reply_owes_a_reply(
    targets: tuple[Target, ...], running: set[ClockName]
) -> None:
    harness = contact_with_clocks(*targets)
    harness.receive()
    harness.reply()
    harness.advance_to(5)
    harness.resolve()
    harness.advance_to(100)
    harness.reopen()
    assert _running(harness) == running
    harness.reply()
    assert _running(harness) == set()
    assert harness.contact.reply_owed_since is None


def test_message_after_the_reopening_does_not_start_a_second_clock() -> None:
    harness = contact_with_clocks(FIRST, NEXT)
    harness.receive()
    harness.resolve()
    harness.advance_to(100)
    harness.reopen()
    harness.advance_to(110)
    harness.write()
    assert _running(harness) == {"first_response"}
    assert due_s(harness, "first_response") == 120


def test_message_owes_a_reply_that_no_first_response_covers() -> None:
    harness = contact_with_clocks(NEXT)
    harness.receive()
    harness.advance_to(10)
    harness.write()
    assert due_s(harness, "next_response") == 40


def test_automatic_messages_owe_nothing() -> None:
    harness = contact_with_clocks(FIRST, NEXT)
    harness.receive()
    harness.reply()
    harness.write(automatic=True)
    assert _running(harness) == set()
    assert harness.contact.reply_owed_since is None


def test_automatic_reply_leaves_the_reply_owed() -> None:
    harness = contact_with_clocks(FIRST)
    harness.receive()
    harness.resolve()
    harness.reopen()
    harness.reply(automatic=True)
    assert _running(harness) == {"first_response"}


def test_reply_reported_after_its_resolution_was_given() -> None:
    harness = contact_with_clocks(FIRST, NEXT)
    harness.receive()
    harness.advance_to(10)
    harness.resolve(happened=9)
    harness.reply(happened=8)
    assert clock_of(harness, "first_response").met_at == second(8)
    harness.reopen()
    assert _running(harness) == {"next_response"}


def test_reply_after_the_resolution_does_not_meet_a_cancelled_clock() -> None:
    harness = contact_with_clocks(FIRST)
    harness.receive()
    harness.resolve(happened=1)
    harness.now = 5
    harness.reply()
    assert clock_of(harness, "first_response").state == "cancelled"


def test_assignment_after_the_reopening_meets_its_run() -> None:
    harness = contact_with_clocks(ASSIGNMENT)
    harness.receive()
    harness.assign()
    harness.resolve()
    harness.advance_to(100)
    harness.reopen()
    assert _running(harness) == {"assignment"}
    harness.advance_to(110)
    harness.assign()
    assert [event.run for event in harness.events(ClockMet)] == [1, 2]
    assert clock_of(harness, "assignment").met_at == second(110)


def test_assignment_by_a_slower_clock_belongs_to_the_reopening_it_answers() -> None:
    """The router's clock is behind that of intake, but it names the wait that it ends."""
    harness = contact_with_clocks(ASSIGNMENT)
    harness.receive()
    harness.resolve()
    harness.advance_to(100)
    harness.reopen()
    assigned = contact_assigned(second(99.5))
    harness.send(structs.replace(assigned, waiting_since=second(100)))
    assert clock_of(harness, "assignment").met_at == second(100)


def test_assignment_from_before_the_reopening_does_not_meet_it() -> None:
    harness = contact_with_clocks(ASSIGNMENT)
    harness.receive()
    harness.resolve(happened=5)
    harness.now = 100
    harness.reopen()
    harness.assign(happened=4)
    assert _running(harness) == {"assignment"}


def test_unresolved_contact_that_is_reopened_starts_nothing() -> None:
    harness = contact_with_clocks(FIRST, RESOLUTION)
    harness.receive()
    harness.advance_to(10)
    harness.reopen()
    assert [clock.run for clock in harness.contact.clocks] == [1, 1]
    assert harness.contact.reopenings == 0
