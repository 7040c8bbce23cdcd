"""A contact with a team goes to its people first, and to others when it has waited long enough."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from common.contracts.assignments import ContactAssigned, ContactQueued, ContactUnserved
from common.contracts.event import ContactId, TeamId
from common.messages import Cancel, Schedule
from router.domain import reactions
from router.domain.assignments import Assignment, Decision
from router.domain.routing import queue
from router.domain.routing.fallback import place_in_queue
from router.domain.routing.matching import match
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import TEAM_WAIT, RoutingPolicy
from router.domain.staffing.representatives import Representative
from router.domain.timers import TeamWaitEnds
from unit.router.examples import C1, NOW, RECEIVED, assignment, only, representative
from unit.router.plain_matching import match_plainly

POLICY = RoutingPolicy()
VIP = TeamId("vip")
LONG_AGO = NOW - TEAM_WAIT
ENDS_AT = NOW - timedelta(minutes=1) + TEAM_WAIT


def seeking(**changes: Any) -> Assignment:
    return assignment("seeking", **{"team_id": VIP, **changes})


def decide(
    contact: Assignment, *people: Representative, policy: RoutingPolicy = POLICY
) -> tuple[Assignment, list[Decision]]:
    """Place and match the contact as the unit of work does."""
    pool = AvailabilityPool(policy, people)
    placing = place_in_queue(contact, pool.serves, policy, at=NOW)
    placed = placing.assignments[0] if placing.assignments else contact
    decisions = list(match([placed], pool, policy, at=NOW))
    return only(decisions[-1]) if decisions else placed, [placing, *decisions]


def reason_of(decisions: list[Decision]) -> str:
    (event,) = decisions[-1].events
    assert isinstance(event, ContactAssigned | ContactQueued)
    return event.reason


def test_contact_of_a_team_goes_to_its_people() -> None:
    people = [
        representative("rita", idle_s=900),
        representative("vera", team_id=VIP),
        representative("vic", team_id=VIP, idle_s=60),
    ]

    after, decisions = decide(seeking(), *people)

    assert (after.representative_id, after.waits_for_team) == ("vic", False)
    assert reason_of(decisions) == "vic: billing, en of team vip; idle longest (60 s) of 2 free"


def test_contact_waits_for_its_team_and_the_reason_says_until_when() -> None:
    people = [representative("rita"), representative("vera", team_id=VIP, load=2)]

    after, decisions = decide(seeking(), *people)

    assert (after.state, after.waits_for_team) == ("queued", True)
    assert after.need == ("billing", "en", "vip")
    assert reason_of(decisions) == (
        "nobody of team vip who can take billing, en is free; "
        "other teams may get it from 09:04:00 UTC"
    )
    assert decisions[-1].timers == (Schedule(TeamWaitEnds(contact_id=C1), ENDS_AT),)


def test_wait_for_a_team_ends_and_everybody_may_get_the_contact() -> None:
    rita, vera = representative("rita"), representative("vera", team_id=VIP, load=2)
    waiting, _ = decide(seeking(), rita, vera)

    everybody = only(queue.end_team_wait(waiting, POLICY, at=ENDS_AT))

    assert everybody.reason == (
        "nobody who can take billing, en is free; the time for team vip alone is over"
    )
    (decision,) = match([everybody], AvailabilityPool(POLICY, [rita, vera]), POLICY, at=ENDS_AT)
    assert only(decision).representative_id == "rita"
    (event,) = decision.events
    assert isinstance(event, ContactAssigned)
    assert event.reason == (
        "rita: billing, en in place of billing, en of team vip; the only one free"
    )


def test_late_timer_of_a_contact_that_waits_no_more_changes_nothing() -> None:
    for contact in (None, assignment("assigned", team_id=VIP), assignment("queued", team_id=VIP)):
        assert queue.end_team_wait(contact, POLICY, at=NOW) == Decision()


def test_people_of_the_team_are_first_after_the_wait_too() -> None:
    people = [representative("rita", idle_s=900), representative("vera", team_id=VIP, load=1)]

    after, _ = decide(seeking(waiting_since=LONG_AGO), *people)

    assert after.representative_id == "vera"


@pytest.mark.parametrize(
    "vera",
    [
        representative("vera", team_id=VIP, active=False),
        representative("vera", team_id=VIP, skills=("orders",)),
        representative("vera", team_id=VIP, languages=("de",)),
        representative("vera", team_id="vip2", load=2),
    ],
)
def test_contact_of_a_team_that_has_nobody_for_it_goes_to_others_at_once(
    vera: Representative,
) -> None:
    _, decisions = decide(seeking(), vera, representative("rita", load=2))
    assert "team vip has no active representative for it" in reason_of(decisions)

    after, _ = decide(seeking(), vera, representative("rita"))
    assert after.representative_id == "rita"


def test_team_without_anybody_is_no_warning_of_an_unserved_queue() -> None:
    _, decisions = decide(seeking(), representative("rita", load=2))

    assert not [
        event
        for decision in decisions
        for event in decision.events
        if isinstance(event, ContactUnserved)
    ]
    assert decisions[-1].timers == ()


def test_contact_waits_for_its_team_while_its_people_are_away() -> None:
    after, _ = decide(
        seeking(), representative("rita"), representative("vera", team_id=VIP, presence="offline")
    )

    assert (after.state, after.waits_for_team) == ("queued", True)


def test_fallback_queue_is_that_of_the_team_if_it_has_one() -> None:
    generalists = [
        representative("gus", skills=("general",), idle_s=900),
        representative("vera", skills=("general",), team_id=VIP),
    ]

    after, decisions = decide(seeking(skill="recalls"), *generalists)

    assert after.representative_id == "vera"
    assert reason_of(decisions) == (
        "vera: general, en of team vip in place of recalls, en of team vip; the only one free"
    )


def test_previous_representative_of_another_team_gets_the_contact_back() -> None:
    people = [representative("rita"), representative("vera", team_id=VIP, idle_s=900)]

    after, decisions = decide(seeking(preferred_id="rita"), *people)

    assert after.representative_id == "rita"
    assert reason_of(decisions).endswith("; had it before")


def test_contact_that_is_given_cancels_the_wait_for_its_team() -> None:
    waiting, _ = decide(seeking(), representative("vera", team_id=VIP, load=2))

    pool = AvailabilityPool(POLICY, [representative("vera", team_id=VIP)])
    (decision,) = match([waiting], pool, POLICY, at=NOW)

    assert decision.timers == (Cancel(C1, TeamWaitEnds.type),)


def test_without_a_wait_the_team_is_only_first() -> None:
    policy = RoutingPolicy(team_wait=timedelta(0))
    contact = seeking(waiting_since=NOW)
    rita = representative("rita", idle_s=900)

    to_team, _ = decide(contact, rita, representative("vera", team_id=VIP), policy=policy)
    to_other, _ = decide(contact, rita, representative("vera", team_id=VIP, load=2), policy=policy)

    assert (to_team.representative_id, to_other.representative_id) == ("vera", "rita")


def test_team_of_the_contact_comes_from_the_event() -> None:
    received = only(reactions.receive(None, replace(RECEIVED, team=VIP), at=NOW))

    assert (received.team_id, received.waits_for_team) == (VIP, False)


NAMES = ("p0", "p1", "p2", "p3", "p4")
teams = st.sampled_from(["front", "vip"])
staff: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        team_id=teams,
        skills=st.sampled_from([("billing",), ("orders",), ("billing", "orders")]),
        languages=st.sampled_from([("pt-PT",), ("pt-BR",), ("pt", "en")]),
        load=st.integers(0, 2),
        presence=st.sampled_from(["available", "available", "away"]),
        active=st.sampled_from([True, True, False]),
        idle_s=st.integers(0, 3),
    ),
    min_size=5,
    max_size=5,
)
waiting_contacts: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        skill=st.sampled_from(["billing", "orders"]),
        language=st.sampled_from(["pt-BR", "pt-PT"]),
        team_id=st.none() | teams | st.just("nobody"),
        waits_for_team=st.booleans(),
        priority_rank=st.integers(0, 1),
        preferred_id=st.none() | st.sampled_from(NAMES),
        declined_by=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    ),
    min_size=1,
    max_size=8,
)


@given(staff, waiting_contacts)
def test_heaps_give_each_contact_to_whom_the_plain_rules_give_it(
    profiles: list[dict[str, Any]], waiting: list[dict[str, Any]]
) -> None:
    people = {
        person.representative_id: person
        for name, profile in zip(NAMES, profiles, strict=True)
        for person in [representative(name, **profile)]
    }
    contacts = [
        assignment(
            "seeking",
            **fields
            | {
                "contact_id": ContactId(f"c{n}"),
                "waits_for_team": fields["waits_for_team"] and fields["team_id"] is not None,
            },
        )
        for n, fields in enumerate(waiting)
    ]

    decisions = match(contacts, AvailabilityPool(POLICY, people.values()), POLICY, at=NOW)

    holders = {
        contact.contact_id: contact.representative_id
        for decision in decisions
        for contact in decision.assignments
    }
    assert holders == match_plainly(contacts, people, at=NOW)
