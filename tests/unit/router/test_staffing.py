"""Profile, presence and load of a representative, and the events that they publish."""

from datetime import timedelta

from msgspec.structs import replace

from common.contracts.event import TeamId
from common.contracts.people import PresenceChanged, RepresentativeDescribed
from router.domain.staffing.presence import set_presence
from router.domain.staffing.representatives import (
    Workload,
    assign,
    follow_person,
    free,
    set_workload,
)
from unit.router.examples import HOLDER, NOW, PERSON, RITA

LATER = NOW + timedelta(minutes=1)


def test_capacity_lowered_below_the_load_falls_as_contacts_end() -> None:
    two = assign(HOLDER, at=NOW)

    lowered = set_workload(two, Workload(capacity=1), at=NOW).representative

    assert (lowered.load, lowered.load_limit, lowered.free_slots) == (2, 2, 0)
    assert free(lowered, at=NOW).load_limit == 1


def test_new_representative_is_offline_and_published_with_the_whole_profile() -> None:
    change = follow_person(None, PERSON, at=NOW)

    assert change
    assert change.representative.presence == "offline"
    assert change.events == (
        RepresentativeDescribed(
            person_id=RITA,
            occurred_at=NOW,
            name="Rita",
            team_id=TeamId("front"),
            skills=("billing",),
            languages=("en",),
            capacity=3,
            auto_accept=True,
            offer_s=20,
            active=True,
        ),
    )


def test_same_profile_again_publishes_nothing() -> None:
    new = follow_person(None, PERSON, at=NOW)
    assert new
    added = new.representative

    repeated = follow_person(added, PERSON, at=LATER)
    changed = follow_person(added, replace(PERSON, team_id=TeamId("back")), at=LATER)

    assert repeated
    assert changed
    assert (repeated.representative, repeated.events) == (added, ())
    (event,) = changed.events
    assert isinstance(event, RepresentativeDescribed)
    assert event.team_id == "back"


def test_inactive_representative_has_no_free_slots() -> None:
    change = follow_person(HOLDER, replace(PERSON, active=False), at=NOW)

    assert change
    inactive = change.representative
    assert (inactive.presence, inactive.load, inactive.free_slots) == ("available", 1, 0)


def test_changed_presence_is_published_with_its_reason() -> None:
    change = set_presence(HOLDER, "away", "lunch", at=LATER)

    assert change.representative.idle_since == LATER
    assert change.events == (
        PresenceChanged(
            person_id=RITA,
            occurred_at=LATER,
            team_id=TeamId("front"),
            presence="away",
            reason="lunch",
            since=LATER,
        ),
    )


def test_same_presence_again_keeps_the_idle_time_and_publishes_nothing() -> None:
    change = set_presence(HOLDER, "available", at=LATER)

    assert change.representative is HOLDER
    assert change.events == ()


def test_another_reason_is_published_and_keeps_the_idle_time() -> None:
    away = set_presence(HOLDER, "away", "lunch", at=NOW).representative

    change = set_presence(away, "away", "training", at=LATER)

    (event,) = change.events
    assert isinstance(event, PresenceChanged)
    assert (event.reason, event.since) == ("training", LATER)
    assert change.representative.presence_since == LATER
    assert change.representative.idle_since == NOW
