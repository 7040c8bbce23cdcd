"""One table says what each message means; the service, simulation and tests are built from it."""

from common.contracts import EVENTS
from common.contracts.assignments import ContactUnserved
from common.contracts.contacts import (
    ConnectionHeardAgain,
    ConnectionSilent,
    ContactAbandoned,
    ContactErased,
)
from common.contracts.notifications import RecipientChanged
from common.contracts.people import PersonDescribed, PresenceChanged, RepresentativeDescribed
from common.messages import Timer
from escalation.domain import timers
from escalation.domain.reactions import DECISIONS
from escalation.domain.simulation import REPLAYED_EVENTS
from escalation.handlers import SUBSCRIPTIONS

TIMERS = {
    kind
    for kind in vars(timers).values()
    if isinstance(kind, type) and issubclass(kind, Timer) and kind is not Timer
} - {timers.EscalationTimer}


def test_subscriptions_are_the_decisions() -> None:
    subscribed = {*SUBSCRIPTIONS.events.values(), *SUBSCRIPTIONS.timers.values()}
    # An erasure changes words only; people and staff are looked up; the rest concerns no contact.
    undecided = {
        ConnectionHeardAgain,
        ConnectionSilent,
        ContactErased,
        ContactUnserved,
        PersonDescribed,
        PresenceChanged,
        RecipientChanged,
        RepresentativeDescribed,
    }
    assert subscribed - undecided == set(DECISIONS)


def test_every_timer_has_a_decision() -> None:
    assert {kind for kind in DECISIONS if issubclass(kind, Timer)} == TIMERS


def test_replayed_events_are_those_of_contacts_and_assignments() -> None:
    topics = {"contacts", "assignments"}
    assert {
        kind for kind in EVENTS if kind in DECISIONS and kind.topic in topics
    } == REPLAYED_EVENTS


def test_abandonment_is_obeyed() -> None:
    assert ContactAbandoned in DECISIONS
