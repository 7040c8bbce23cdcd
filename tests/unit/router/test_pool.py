"""A pool that lives long gives the same representative as a new one."""

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from common.contracts.event import ContactId
from router.domain.assignments import Assignment
from router.domain.needs import Need
from router.domain.routing.pool import AvailabilityPool
from router.domain.routing.strategies import RoutingPolicy
from router.domain.staffing.representatives import Representative, free
from unit.router.examples import NOW, representative

BILLING = Need("billing", "en")
CONTACT = Assignment(ContactId("c1"), state="seeking", since=NOW, skill="billing", language="en")
# Its heap is not read while the representatives get contacts of the other need.
RARE = Need("billing", "en-GB")
NAMES = ("rita", "sam", "tom")


def first_of(people: Iterable[Representative], need: Need = BILLING) -> Representative | None:
    return AvailabilityPool(RoutingPolicy(), people).best_for(CONTACT, need)


@given(returned=st.lists(st.booleans(), min_size=300, max_size=300))
def test_pool_after_hundreds_of_gifts_is_as_a_new_one(returned: list[bool]) -> None:
    people = {name: representative(name, capacity=300) for name in NAMES}
    pool = AvailabilityPool(RoutingPolicy(), people.values())
    assert pool.serves(RARE)

    for second, is_returned in enumerate(returned):
        at = NOW + timedelta(seconds=second)
        best = pool.best_for(CONTACT, BILLING)
        assert best == first_of(people.values())
        assert best
        assert pool.available_for(BILLING) == len(NAMES)
        assigned = pool.assign(best, at)
        if is_returned:
            assigned = free(assigned, at=at)
            pool.put(assigned)
        people[assigned.name] = assigned
    assert pool.best_for(CONTACT, RARE) == first_of(people.values(), RARE)


def test_pool_that_was_asked_for_thousands_of_needs_still_knows_each() -> None:
    rita = representative("rita")
    pool = AvailabilityPool(RoutingPolicy(), [rita])
    needs = [Need("billing", f"en-x-{n}") for n in range(3000)]
    assert all(pool.serves(need) for need in needs)

    pool.put(away := replace(rita, presence="away"))

    assert all(pool.best_for(CONTACT, need) is None for need in needs)
    pool.put(replace(away, presence="available"))
    assert pool.best_for(CONTACT, needs[0]) == rita


def test_pool_serves_only_what_somebody_active_has() -> None:
    rita = representative("rita")
    pool = AvailabilityPool(RoutingPolicy(), [rita])
    assert pool.serves(BILLING)

    pool.put(other := replace(rita, skills=("orders",)))
    assert not pool.serves(BILLING)
    assert pool.best_for(CONTACT, BILLING) is None

    pool.put(left := replace(other, skills=("billing",), active=False))
    assert not pool.serves(BILLING)

    pool.put(replace(left, active=True))
    assert pool.best_for(CONTACT, BILLING) == rita
