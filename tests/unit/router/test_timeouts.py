"""What a timer changes in an assignment."""

import pytest

from common.contracts.assignments import OfferExpired
from router.domain import timeouts
from router.domain.assignments import Assignment, Decision
from router.domain.timers import OfferExpires
from unit.router.examples import C1, HOLDER, NOW, RITA, assignment, freed, only

EXPIRES = OfferExpires(contact_id=C1, representative_id=RITA, offer=1)


def test_expired_offer_excludes_the_representative_and_keeps_presence() -> None:
    decision = timeouts.expire_offer(assignment("offered"), HOLDER, EXPIRES, at=NOW)

    assert only(decision).declined_by == (RITA,)
    assert freed(decision).presence == "available"
    assert decision.events == (
        OfferExpired(contact_id=C1, occurred_at=NOW, representative_id=RITA),
    )


@pytest.mark.parametrize(
    "current",
    [None, assignment("assigned"), assignment("queued"), assignment("offered", offer=2)],
)
def test_timer_of_an_answered_offer_does_nothing(current: Assignment | None) -> None:
    assert timeouts.expire_offer(current, HOLDER, EXPIRES, at=NOW) == Decision()


def test_end_of_exclusion_lets_everybody_get_the_contact_again() -> None:
    waiting = assignment("queued", declined_by=(RITA,))

    assert only(timeouts.end_exclusion(waiting)) == assignment("queued")
    assert timeouts.end_exclusion(assignment("offered", declined_by=(RITA,))) == Decision()
