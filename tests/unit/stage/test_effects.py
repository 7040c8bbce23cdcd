"""What the checker says of effects that are missing, and of who has an escalation."""

from dataclasses import replace

import pytest

from common.contracts.contacts import RepresentativeReplied, SupervisorRequested
from common.contracts.escalations import (
    EscalationReasonAdded,
    TimerMissing,
)
from common.contracts.event import MessageId, PageId
from stage.invariants import Facts, check
from stage.invariants.facts import Clock, LetterRow, Threshold
from unit.stage.examples import MARCO, UNANSWERED, acknowledged, climbed, taken_over
from unit.stage.history import ADA, BO, RAISED, RITA, SARA, Change, at, book, good, page, telling

ASKED = SupervisorRequested(contact_id=ADA, occurred_at=at(16), quote="Your supervisor!")
TOO_LATE = SupervisorRequested(contact_id=BO, occurred_at=at(16), quote="Your supervisor!")
REPLIED = RepresentativeReplied(
    contact_id=ADA,
    occurred_at=at(17),
    message_id=MessageId("m"),
    person_id=RITA,
)
ADDED = EscalationReasonAdded(
    contact_id=ADA,
    occurred_at=at(16),
    escalation_id=RAISED,
    cause="customer_request",
    reason="Your supervisor!",
    severity="high",
)


def missing(slot: str) -> TimerMissing:
    return TimerMissing(
        contact_id=ADA,
        occurred_at=at(18),
        page_id=PageId("alarm"),
        slot=slot,
        due_at=at(60),
        headline="A timer was lost",
        why="It has been set anew.",
    )


def heard(facts: Facts) -> Facts:
    """Publish the request, and the reason that it added."""
    facts = telling(ASKED)(facts)
    request = facts.records[-1].event_id
    facts = telling(ADDED)(facts)
    *rest, added = facts.books["escalation"].journal
    return book("escalation", journal=[*rest, replace(added, cause=request)])(facts)


def buried(facts: Facts) -> Facts:
    facts = telling(ASKED)(facts)
    letter = LetterRow("contacts/0/9@1", facts.records[-1].event_id, "no")
    return book("escalation", dead_letters=[letter])(facts)


def replied(*, met: bool) -> Change:
    """Publish a reply, after which the clock has ended, or goes on."""

    def change(facts: Facts) -> Facts:
        ada, bo = facts.watches
        thresholds = (Threshold(50, at(5), at(5)), Threshold(100, at(10), at(10.001)))
        clock = Clock("first_response", thresholds, met_at=at(17) if met else None)
        return replace(telling(REPLIED)(facts), watches=[replace(ada, clocks=(clock,)), bo])

    return change


WITHOUT_EFFECT = "in the inbox, and without effect"
BROKEN: dict[str, tuple[Change, int, str]] = {
    "a plea that was claimed and lost": (telling(ASKED), 5, WITHOUT_EFFECT),
    "a reply that was claimed and lost": (replied(met=False), 5, WITHOUT_EFFECT),
    "two who acknowledge": (
        telling(acknowledged(SARA, at(99)), acknowledged(MARCO, at(99))),
        2,
        "two have it",
    ),
    "one acknowledges, another takes over": (
        telling(acknowledged(SARA, at(99)), taken_over(MARCO)),
        2,
        "two have it",
    ),
    "a timer that does not heed the answer": (
        telling(acknowledged(SARA, at(99)), climbed(1.0)),
        2,
        "climbed while somebody had it",
    ),
    "asked again though somebody answered": (
        telling(acknowledged(SARA, at(99)), UNANSWERED),
        2,
        "climbed while somebody had it",
    ),
    "an escalation's timer that was set anew": (
        telling(missing("escalation")),
        6,
        "an open escalation has no live timer",
    ),
    "a clock's timer that was set anew": (
        telling(missing("clock:resolution")),
        6,
        "a running clock has no live timer",
    ),
}
SOUND: dict[str, Change] = {
    "a plea that was heard": heard,
    "a plea in the dead letters": buried,
    "a plea for what is resolved": telling(TOO_LATE),
    "a reply that was heard": replied(met=True),
    "acknowledged, then taken over": telling(acknowledged(SARA, at(99)), taken_over(SARA)),
    "a lease that ran out": telling(
        acknowledged(SARA, at(19)), climbed(1.0), acknowledged(MARCO, at(99))
    ),
    "referred up by hand": telling(acknowledged(SARA, at(99)), climbed(None), taken_over(MARCO)),
    "asked again at its level": telling(
        acknowledged(SARA, at(99)),
        page(ADA).model_copy(update={"page_id": PageId("again")}),
        acknowledged(MARCO, at(99)),
    ),
}
# What these tell is not all that their services would have done: only that is asked here.
ASKED_OF = {told for _, _, told in BROKEN.values()}


@pytest.mark.parametrize(("change", "number", "otherwise"), BROKEN.values(), ids=BROKEN)
def test_what_is_missing_or_doubly_held_is_named(
    change: Change, number: int, otherwise: str
) -> None:
    verdict = check(change(good()))
    assert (number, otherwise) in {(one.number, one.told) for one in verdict.broken}, str(verdict)


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_what_was_heard_and_passed_on_is_not(change: Change) -> None:
    verdict = check(change(good()))
    assert not {one.told for one in verdict.broken} & ASKED_OF, str(verdict)
