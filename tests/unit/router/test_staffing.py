"""Profile, presence and load of a representative."""

from dataclasses import replace
from datetime import timedelta

from router.domain.staffing.presence import set_presence
from router.domain.staffing.representatives import assign, free, upsert
from unit.router.examples import HOLDER, NOW, PROFILE, RITA


def test_capacity_lowered_below_the_load_falls_as_contacts_end() -> None:
    two = assign(HOLDER, at=NOW)

    lowered = upsert(two, RITA, replace(PROFILE, capacity=1), at=NOW)

    assert (lowered.load, lowered.load_limit, lowered.free_slots) == (2, 2, 0)
    assert free(lowered, at=NOW).load_limit == 1


def test_available_again_keeps_the_idle_time() -> None:
    assert set_presence(HOLDER, "available", at=NOW + timedelta(minutes=1)) is HOLDER
