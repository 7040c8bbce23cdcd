"""The checker reports missing effects of events, and two holders of one escalation."""

from dataclasses import replace

import pytest
from msgspec import structs

from common.contracts.contacts import RepresentativeReplied, SupervisorRequested
from common.contracts.escalations import (
    EscalationCauseAdded,
    TimerMissing,
)
from common.contracts.event import MessageId, PageId
from stage.invariants import Snapshot, check
from stage.invariants.snapshot import Clock, DeadLetterRow, Threshold
from unit.stage.changes import Change, changing_tables, publishing
from unit.stage.examples import (
    ADA,
    BO,
    MARCO,
    RAISED,
    RITA,
    SARA,
    UNANSWERED,
    acknowledged,
    at,
    climbed,
    page,
    sound_history,
    taken_over,
)

ASKED = SupervisorRequested(contact_id=ADA, occurred_at=at(16), quote="Your supervisor!")
TOO_LATE = SupervisorRequested(contact_id=BO, occurred_at=at(16), quote="Your supervisor!")
REPLIED = RepresentativeReplied(
    contact_id=ADA,
    occurred_at=at(17),
    message_id=MessageId("m"),
    person_id=RITA,
)
ADDED = EscalationCauseAdded(
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
    )


def answered_request(snapshot: Snapshot) -> Snapshot:
    """Publish a request for a supervisor and the reason that it adds."""
    snapshot = publishing(ASKED)(snapshot)
    request = snapshot.records[-1].event_id
    snapshot = publishing(ADDED)(snapshot)
    *rest, added = snapshot.tables["escalation"].journal
    return changing_tables("escalation", journal=[*rest, replace(added, cause=request)])(snapshot)


def dead_lettered_request(snapshot: Snapshot) -> Snapshot:
    snapshot = publishing(ASKED)(snapshot)
    letter = DeadLetterRow("contacts/0/9@1", snapshot.records[-1].event_id, "no")
    return changing_tables("escalation", dead_letters=[letter])(snapshot)


def replied(*, met: bool, started: float = 0) -> Change:
    """Publish a reply, after which the clock has ended or still runs."""

    def change(snapshot: Snapshot) -> Snapshot:
        ada, bo = snapshot.tracked_contacts
        thresholds = (
            Threshold(50, at(5), at(5), action="warn_representative"),
            Threshold(100, at(10), at(10.001)),
        )
        clock = Clock("first_response", thresholds, at(started), met_at=at(17) if met else None)
        return replace(
            publishing(REPLIED)(snapshot), tracked_contacts=[replace(ada, clocks=(clock,)), bo]
        )

    return change


WITHOUT_EFFECT = "in the inbox, and without effect"
BROKEN: dict[str, tuple[Change, int, str]] = {
    "request in the inbox without effect": (publishing(ASKED), 5, WITHOUT_EFFECT),
    "reply in the inbox without effect": (replied(met=False), 5, WITHOUT_EFFECT),
    "two people acknowledge": (
        publishing(acknowledged(SARA, at(99)), acknowledged(MARCO, at(99))),
        2,
        "two people hold one escalation",
    ),
    "another person takes over": (
        publishing(acknowledged(SARA, at(99)), taken_over(MARCO)),
        2,
        "two people hold one escalation",
    ),
    "timer ignores the acknowledgement": (
        publishing(acknowledged(SARA, at(99)), climbed(1.0)),
        2,
        "moved on before the lease ended",
    ),
    "repeated despite an acknowledgement": (
        publishing(acknowledged(SARA, at(99)), UNANSWERED),
        2,
        "moved on before the lease ended",
    ),
    "escalation timer was recreated": (
        publishing(missing("escalation")),
        6,
        "an open escalation has no live timer",
    ),
    "clock timer was recreated": (
        publishing(missing("clocks")),
        6,
        "a running clock has no live timer",
    ),
}
SOUND: dict[str, Change] = {
    "reply before the clock started again": replied(met=False, started=18),
    "request with its effect": answered_request,
    "request in the dead letters": dead_lettered_request,
    "request for a resolved contact": publishing(TOO_LATE),
    "reply with its effect": replied(met=True),
    "acknowledged, then taken over": publishing(acknowledged(SARA, at(99)), taken_over(SARA)),
    "lease ended": publishing(
        acknowledged(SARA, at(19)), climbed(1.0), acknowledged(MARCO, at(99))
    ),
    "escalated further by a person": publishing(
        acknowledged(SARA, at(99)), climbed(None), taken_over(MARCO)
    ),
    "paged again at the same level": publishing(
        acknowledged(SARA, at(99)),
        structs.replace(page(ADA), page_id=PageId("again")),
        acknowledged(MARCO, at(99)),
    ),
}
# These histories are incomplete in other respects, so only these messages count.
CHECKED_MESSAGES = {message for _, _, message in BROKEN.values()}


@pytest.mark.parametrize(("change", "invariant", "message"), BROKEN.values(), ids=BROKEN)
def test_missing_effect_or_second_holder_is_reported(
    change: Change, invariant: int, message: str
) -> None:
    verdict = check(change(sound_history()))
    assert (invariant, message) in {
        (item.invariant, item.message) for item in verdict.violations
    }, str(verdict)


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_sound_history_has_no_such_violation(change: Change) -> None:
    verdict = check(change(sound_history()))
    assert not {item.message for item in verdict.violations} & CHECKED_MESSAGES, str(verdict)
