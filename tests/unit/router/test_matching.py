"""Who gets a contact, and which contact a free representative gets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from common.contracts.assignments import ContactAssigned, ContactOffered, ContactQueued
from common.contracts.event import ContactId, PersonId, TeamId
from common.messages import Schedule
from router.domain.assignments import ROUND, Assignment, Decision, OfferExpires, RoundEnds
from router.domain.matching import match
from router.domain.representatives import Representative

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def representative(name: str, *, idle_s: int = 0, **changes: Any) -> Representative:
    person = Representative(
        representative_id=PersonId(name),
        name=name,
        team_id=TeamId("front"),
        skills=("billing",),
        languages=("en",),
        capacity=2,
        auto_accept=True,
        offer_s=20,
        presence="available",
        load=0,
        load_limit=changes.get("capacity", 2),
        idle_since=NOW - timedelta(seconds=idle_s),
    )
    return replace(person, **changes)


def contact(name: str, *, waited_s: int = 0, **changes: Any) -> Assignment:
    seeking = Assignment(
        ContactId(name),
        state="seeking",
        since=NOW,
        skill="billing",
        language="en",
        urgency=1,
        waiting_since=NOW - timedelta(seconds=waited_s),
    )
    return replace(seeking, **changes)


def given(decisions: list[Decision]) -> dict[str, str | None]:
    """Return who has each contact that was placed."""
    return {
        assignment.contact_id: assignment.representative_id
        for decision in decisions
        for assignment in decision.assignments
    }


def matched(contacts: list[Assignment], people: list[Representative]) -> list[Decision]:
    return list(match(contacts, people, at=NOW))


def test_the_one_idle_longest_gets_it_and_the_event_says_so() -> None:
    people = [
        representative("rita", idle_s=42),
        representative("adam", idle_s=10),
        representative("tom", idle_s=41),
    ]

    (decision,) = matched([contact("c1")], people)

    (assigned,) = decision.events
    assert assigned == ContactAssigned(
        contact_id=ContactId("c1"),
        occurred_at=NOW,
        representative_id=PersonId("rita"),
        team_id=TeamId("front"),
        reason="rita: billing, en; idle longest (42 s) of 3 free",
    )
    (seated,) = decision.representatives
    assert (seated.representative_id, seated.load, seated.idle_since) == ("rita", 1, NOW)


def test_who_has_less_to_do_comes_before_who_is_idle_longer() -> None:
    people = [representative("busy", idle_s=900, load=1), representative("free", idle_s=1)]

    assert given(matched([contact("c1")], people)) == {"c1": "free"}


def test_a_batch_is_spread_evenly_up_to_each_capacity() -> None:
    people = [representative("a"), representative("b"), representative("c", capacity=1)]

    placed = given(matched([contact(f"c{n}") for n in range(7)], people))

    assert sorted(str(person) for person in placed.values()) == sorted(
        ["a", "a", "b", "b", "c", "None", "None"]
    )


def test_among_equals_the_one_with_fewer_skills_goes_first() -> None:
    people = [representative("able", skills=("billing", "orders")), representative("plain")]

    assert given(matched([contact("c1")], people)) == {"c1": "plain"}


def test_skill_language_presence_and_room_are_all_needed() -> None:
    people = [
        representative("other-skill", skills=("orders",)),
        representative("other-language", languages=("de",)),
        representative("away", presence="away"),
        representative("offline", presence="offline"),
        representative("full", load=2),
        representative("over-full", load=3, load_limit=3),
    ]

    (decision,) = matched([contact("c1")], people)

    (waits,) = decision.assignments
    assert waits.state == "queued"
    (queued,) = decision.events
    assert isinstance(queued, ContactQueued)
    assert queued.queue == "billing/en"
    assert decision.timers == ()


def test_the_most_urgent_then_the_one_waiting_longest_takes_a_free_place() -> None:
    waiting = [
        contact("young-urgent", urgency=3, waited_s=1, state="queued"),
        contact("old", waited_s=600, state="queued"),
        contact("older", waited_s=601, state="queued"),
        contact("new-urgent", urgency=3),
    ]

    placed = given(matched(waiting, [representative("rita", capacity=3)]))

    assert placed == {"young-urgent": "rita", "new-urgent": "rita", "older": "rita"}


def test_a_contact_that_waits_on_is_told_of_once() -> None:
    assert matched([contact("c1", state="queued")], []) == []


def test_whoever_had_it_before_gets_it_back_if_free() -> None:
    people = [representative("rita", load=1), representative("sam", idle_s=900)]

    (decision,) = matched([contact("c1", preferred_id="rita")], people)

    (assigned,) = decision.events
    assert isinstance(assigned, ContactAssigned)
    assert assigned.reason == "rita: billing, en; had it before"


def test_whoever_had_it_before_gets_it_back_only_if_it_still_fits() -> None:
    people = [representative("rita", skills=("orders",)), representative("sam")]

    assert given(matched([contact("c1", preferred_id="rita")], people)) == {"c1": "sam"}


def test_whoever_had_it_before_gets_back_no_more_than_it_has_room_for() -> None:
    people = [representative("rita", capacity=1), representative("sam")]
    back = [contact(name, preferred_id="rita") for name in ("c1", "c2")]

    assert given(matched(back, people)) == {"c1": "rita", "c2": "sam"}


def test_whoever_let_it_pass_is_left_out_and_a_new_round_is_awaited() -> None:
    people = [representative("rita", idle_s=900), representative("sam")]
    passed_by_rita = contact("c1", passed=("rita",))
    passed_by_both = contact("c2", passed=("rita", "sam"))

    to_sam, waits = matched([passed_by_rita, passed_by_both], people)

    assert given([to_sam, waits]) == {"c1": "sam", "c2": None}
    assert waits.timers == (Schedule(RoundEnds(contact_id=ContactId("c2")), NOW + ROUND),)


def test_one_who_was_skipped_for_a_contact_still_gets_the_next() -> None:
    contacts = [contact("c1", passed=("rita",), waited_s=1), contact("c2")]

    placed = given(matched(contacts, [representative("rita")]))

    assert placed == {"c1": None, "c2": "rita"}


def test_without_auto_accept_it_is_an_offer_that_expires() -> None:
    (decision,) = matched([contact("c1", offer=4)], [representative("rita", auto_accept=False)])

    (offered,) = decision.assignments
    assert (offered.state, offered.representative_id, offered.offer) == ("offered", "rita", 5)
    expires_at = NOW + timedelta(seconds=20)
    assert decision.events == (
        ContactOffered(
            contact_id=ContactId("c1"),
            occurred_at=NOW,
            representative_id=PersonId("rita"),
            expires_at=expires_at,
        ),
    )
    expires = OfferExpires(contact_id=ContactId("c1"), representative_id=PersonId("rita"), offer=5)
    assert decision.timers == (Schedule(expires, expires_at),)
    (seated,) = decision.representatives
    assert seated.load == 1  # an offer holds its place, or accepting it could be one too many
