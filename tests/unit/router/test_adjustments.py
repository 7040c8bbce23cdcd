"""Other contacts for a representative until a time: who may, what is in force, what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contracts.event import PersonId, TeamId
from common.contracts.people import RepresentativeDescribed
from router.domain.errors import InvalidAdjustmentError, PersonForbiddenError
from router.domain.staffing.adjustments import (
    LONGEST,
    AdjustmentEntry,
    require_right,
    require_valid,
)
from router.domain.staffing.people import Person
from router.domain.staffing.representatives import (
    Workload,
    adjust,
    follow_person,
    set_workload,
)
from unit.router.examples import HOLDER, NOW, PERSON, representative

ENTRY = replace(PERSON, skills=("billing", "orders"), languages=("de", "en"))
RITA_NOW = representative(
    "rita", name="Rita", skills=("billing", "orders"), languages=("de", "en"), capacity=3
)
SARA = Person(
    "Sara", person_id=PersonId("sara"), version=1, roles=("supervisor",), team_id=TeamId("front")
)


def entry(**changes: Any) -> AdjustmentEntry:
    return replace(AdjustmentEntry("in training", NOW + timedelta(hours=8)), **changes)


def refused_place(adjustment: AdjustmentEntry) -> str:
    with pytest.raises(InvalidAdjustmentError) as refusal:
        require_valid(adjustment, ENTRY, at=NOW)
    return refusal.value.place


def test_adjustment_counts_beside_what_stays_as_usual_and_ends_without_a_trace() -> None:
    adjustment = entry(capacity=1, added_skills=("returns",), removed_skills=("orders",))

    adjusted = adjust(RITA_NOW, ENTRY, adjustment, at=NOW)
    ended = adjust(adjusted.representative, ENTRY, None, at=NOW)

    shown = adjusted.representative
    assert (shown.capacity, shown.usual_capacity) == (1, 3)
    assert (shown.skills, shown.languages) == (("billing", "returns"), ("de", "en"))
    assert ended.representative == RITA_NOW
    events = [*adjusted.events, *ended.events]
    profiles = [event for event in events if isinstance(event, RepresentativeDescribed)]
    assert [(each.capacity, each.skills) for each in profiles] == [
        (1, ("billing", "returns")),
        (3, ("billing", "orders")),
    ]


def test_focus_on_one_queue_leaves_one_skill_and_one_language() -> None:
    adjusted = adjust(
        RITA_NOW, ENTRY, entry(only_skills=("orders",), only_languages=("de",)), at=NOW
    ).representative

    assert (adjusted.skills, adjusted.languages) == (("orders",), ("de",))


def test_lower_capacity_leaves_contacts_and_a_higher_one_frees_slots() -> None:
    busy = replace(RITA_NOW, load=3)

    lowered = adjust(busy, ENTRY, entry(capacity=1), at=NOW).representative
    raised = adjust(busy, ENTRY, entry(capacity=5), at=NOW).representative
    ended = adjust(replace(raised, load=5), ENTRY, None, at=NOW).representative

    assert (lowered.load, lowered.load_limit, lowered.free_slots) == (3, 3, 0)
    assert raised.free_slots == 2
    assert (ended.capacity, ended.load_limit, ended.free_slots) == (3, 5, 0)


def test_new_usual_values_count_when_the_adjustment_leaves_them_alone() -> None:
    adjustment = entry(capacity=1, added_skills=("returns",))
    adjusted = adjust(RITA_NOW, ENTRY, adjustment, at=NOW).representative

    workload = set_workload(adjusted, Workload(6, offer_s=60), adjustment, at=NOW).representative
    followed = follow_person(workload, replace(ENTRY, skills=("orders",)), adjustment, at=NOW)

    assert (workload.capacity, workload.usual_capacity, workload.offer_s) == (1, 6, 60)
    assert followed
    assert followed.representative.skills == ("orders", "returns")
    assert followed.representative.capacity == 1


def test_adjustment_no_longer_fits_who_left_or_would_get_nothing() -> None:
    focus = entry(only_skills=("orders",))

    assert focus.fits(ENTRY)
    assert not focus.fits(replace(ENTRY, skills=("billing",)))
    assert not focus.fits(replace(ENTRY, active=False))
    gone = follow_person(HOLDER, replace(ENTRY, active=False), at=NOW)
    assert gone
    assert gone.representative.capacity == HOLDER.usual_capacity


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"capacity": 1, "ends_at": NOW}, "ends_at"),
        ({"capacity": 1, "ends_at": NOW + LONGEST + timedelta(seconds=1)}, "ends_at"),
        ({}, "capacity"),
        ({"removed_skills": ("cooking",)}, "removed_skills"),
        ({"removed_skills": ("billing", "orders")}, "removed_skills"),
        ({"only_skills": ("returns",)}, "only_skills"),
        ({"only_skills": ("orders",), "removed_skills": ("orders",)}, "only_skills"),
        ({"only_languages": ("fr",)}, "only_languages"),
    ],
)
def test_adjustment_that_does_not_fit_is_refused_at_its_field(
    changes: dict[str, Any], place: str
) -> None:
    assert refused_place(entry(**changes)) == place


def test_added_skill_may_be_the_focus() -> None:
    require_valid(entry(added_skills=("returns",), only_skills=("returns",)), ENTRY, at=NOW)


def test_supervisors_of_the_team_and_superiors_may_and_others_may_not() -> None:
    boss = replace(SARA, person_id=PersonId("mia"), roles=("manager",), team_id=None)
    require_right(SARA, PERSON, ())
    require_right(boss, PERSON, (PersonId("sam"), PersonId("mia")))

    strangers = {
        "unknown": None,
        "of another team": replace(SARA, team_id=TeamId("back")),
        "a colleague": replace(SARA, roles=("representative",)),
        "above others": boss,
        "who has left": replace(SARA, active=False),
    }
    for caller in strangers.values():
        with pytest.raises(PersonForbiddenError):
            require_right(caller, PERSON, (PersonId("sam"),))


def test_nobody_adjusts_the_own_contacts() -> None:
    both = replace(PERSON, roles=("representative", "supervisor"))

    with pytest.raises(PersonForbiddenError, match="above you"):
        require_right(both, both, ())
