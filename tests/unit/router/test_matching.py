"""Which representative gets a contact, and which contact an available representative gets."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contracts.assignments import ContactAssigned, ContactOffered, ContactQueued
from common.contracts.event import ContactId, PersonId, TeamId
from common.messages import Cancel, Schedule
from router.domain.assignments import Assignment, Decision
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import EXCLUSION, RoutingPolicy
from router.domain.staffing.representatives import Representative
from router.domain.timers import ExclusionEnds, OfferExpires
from unit.router.examples import NOW, representative


def contact(name: str, *, waited_s: int = 0, **changes: Any) -> Assignment:
    seeking = Assignment(
        ContactId(name),
        state="seeking",
        since=NOW,
        skill="billing",
        language="en",
        priority_rank=1,
        waiting_since=NOW - timedelta(seconds=waited_s),
    )
    return replace(seeking, **changes)


def holders(decisions: list[Decision]) -> dict[str, str | None]:
    """Return who has each contact that was placed."""
    return {
        assignment.contact_id: assignment.representative_id
        for decision in decisions
        for assignment in decision.assignments
    }


def decisions_for(contacts: list[Assignment], people: list[Representative]) -> list[Decision]:
    pool = AvailabilityPool(RoutingPolicy(), people)
    return list(match(contacts, pool, RoutingPolicy(), at=NOW))


def test_longest_idle_representative_is_first_and_the_event_says_so() -> None:
    people = [
        representative("rita", idle_s=42),
        representative("adam", idle_s=10),
        representative("tom", idle_s=41),
    ]

    (decision,) = decisions_for([contact("c1", waited_s=7)], people)

    (assigned,) = decision.events
    assert assigned == ContactAssigned(
        contact_id=ContactId("c1"),
        occurred_at=NOW,
        representative_id=PersonId("rita"),
        team_id=TeamId("front"),
        reason="rita: billing, en; idle longest (42 s) of 3 free",
        queue="billing/en",
        waiting_since=NOW - timedelta(seconds=7),
    )
    (assignee,) = decision.representatives
    assert (assignee.representative_id, assignee.load, assignee.idle_since) == ("rita", 1, NOW)


def test_less_busy_representative_comes_before_longer_idle_one() -> None:
    people = [representative("busy", idle_s=900, load=1), representative("free", idle_s=1)]

    assert holders(decisions_for([contact("c1")], people)) == {"c1": "free"}


def test_batch_is_spread_evenly_up_to_each_capacity() -> None:
    people = [representative("a"), representative("b"), representative("c", capacity=1)]

    placed = holders(decisions_for([contact(f"c{n}") for n in range(7)], people))

    assert sorted(str(person) for person in placed.values()) == sorted(
        ["a", "a", "b", "b", "c", "None", "None"]
    )


def test_fewer_skills_win_a_tie() -> None:
    people = [representative("able", skills=("billing", "orders")), representative("plain")]

    assert holders(decisions_for([contact("c1")], people)) == {"c1": "plain"}


def test_skill_language_presence_and_a_free_slot_are_all_needed() -> None:
    people = [
        representative("other-skill", skills=("orders",)),
        representative("other-language", languages=("de",)),
        representative("away", presence="away"),
        representative("offline", presence="offline"),
        representative("full", load=2),
        representative("above-capacity", load=3, load_limit=3),
    ]

    (decision,) = decisions_for([contact("c1")], people)

    (waits,) = decision.assignments
    assert waits.state == "queued"
    (queued,) = decision.events
    assert isinstance(queued, ContactQueued)
    assert queued.queue == "billing/en"
    assert decision.timers == ()


def test_free_slots_go_to_the_most_urgent_then_the_longest_waiting() -> None:
    waiting = [
        contact("young-urgent", priority_rank=3, waited_s=1, state="queued"),
        contact("old", waited_s=600, state="queued"),
        contact("older", waited_s=601, state="queued"),
        contact("new-urgent", priority_rank=3),
    ]

    placed = holders(decisions_for(waiting, [representative("rita", capacity=3)]))

    assert placed == {"young-urgent": "rita", "new-urgent": "rita", "older": "rita"}


def test_contact_that_keeps_waiting_is_published_once() -> None:
    assert decisions_for([contact("c1", state="queued")], []) == []


def test_previous_representative_gets_the_contact_back_if_available() -> None:
    people = [representative("rita", load=1), representative("sam", idle_s=900)]

    (decision,) = decisions_for([contact("c1", preferred_id="rita")], people)

    (assigned,) = decision.events
    assert isinstance(assigned, ContactAssigned)
    assert assigned.reason == "rita: billing, en; had it before"


def test_previous_representative_gets_the_contact_back_only_with_its_skill() -> None:
    people = [representative("rita", skills=("orders",)), representative("sam")]

    assert holders(decisions_for([contact("c1", preferred_id="rita")], people)) == {"c1": "sam"}


def test_previous_representative_gets_back_no_more_than_the_free_slots() -> None:
    people = [representative("rita", capacity=1), representative("sam")]
    back = [contact(name, preferred_id="rita") for name in ("c1", "c2")]

    assert holders(decisions_for(back, people)) == {"c1": "rita", "c2": "sam"}


def test_representatives_who_declined_are_left_out_until_the_exclusion_ends() -> None:
    people = [representative("rita", idle_s=900), representative("sam")]
    declined_by_rita = contact("c1", declined_by=("rita",))
    declined_by_both = contact("c2", declined_by=("rita", "sam"))

    to_sam, waits = decisions_for([declined_by_rita, declined_by_both], people)

    assert holders([to_sam, waits]) == {"c1": "sam", "c2": None}
    assert waits.timers == (Schedule(ExclusionEnds(contact_id=ContactId("c2")), NOW + EXCLUSION),)


def test_representative_excluded_from_one_contact_gets_the_next() -> None:
    contacts = [contact("c1", declined_by=("rita",), waited_s=1), contact("c2")]

    placed = holders(decisions_for(contacts, [representative("rita")]))

    assert placed == {"c1": None, "c2": "rita"}


def test_contact_is_offered_with_a_timer_without_auto_accept() -> None:
    (decision,) = decisions_for(
        [contact("c1", offer=4)], [representative("rita", auto_accept=False)]
    )

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
    (assignee,) = decision.representatives
    assert (
        assignee.load == 1
    )  # an offer takes a slot, so that accepting it never exceeds the capacity


def test_queued_contact_that_is_given_cancels_its_exclusion() -> None:
    waiting = contact("c1", state="queued", declined_by=("rita",))

    (decision,) = decisions_for([waiting], [representative("rita"), representative("sam")])

    assert holders([decision]) == {"c1": "sam"}
    assert decision.timers == (Cancel(ContactId("c1"), ExclusionEnds.type),)


def test_routing_policy_decides_the_rank_and_the_exclusion() -> None:
    most_skills_first = RoutingPolicy(
        rank=lambda person: (0.0, person.idle_since, -len(person.skills), person.representative_id),
        exclusion=timedelta(seconds=5),
    )
    people = [representative("plain"), representative("able", skills=("billing", "orders"))]
    contacts = [contact("c1"), contact("c2", declined_by=("able", "plain"))]

    pool = AvailabilityPool(most_skills_first, people)
    assigned_first, queued = match(contacts, pool, most_skills_first, at=NOW)

    assert holders([assigned_first]) == {"c1": "able"}
    ends = ExclusionEnds(contact_id=ContactId("c2"))
    assert queued.timers == (Schedule(ends, NOW + timedelta(seconds=5)),)


@pytest.mark.parametrize(
    ("wanted", "spoken", "holder"),
    [
        ("pt-BR", ("pt",), "rita"),
        ("pt", ("pt-BR",), "rita"),
        ("pt-PT", ("pt-BR",), "rita"),
        ("zh-Hant-TW", ("en", "zh"), "rita"),
        ("zh-TW", ("zh-CN",), None),
        ("pt", ("es",), None),
    ],
)
def test_contact_goes_to_who_speaks_a_matching_language(
    wanted: str, spoken: tuple[str, ...], holder: str | None
) -> None:
    people = [representative("rita", languages=spoken)]

    decisions = decisions_for([contact("c1", language=wanted)], people)

    assert holders(decisions) == {"c1": holder}


def test_closest_language_comes_before_longer_idle() -> None:
    people = [
        representative("paulo", languages=("pt-PT",), idle_s=60, capacity=1),
        representative("bruno", languages=("pt-BR",), capacity=1),
    ]
    contacts = [contact("c1", language="pt-BR", waited_s=2), contact("c2", language="pt-BR")]

    assert holders(decisions_for(contacts, people)) == {"c1": "bruno", "c2": "paulo"}
