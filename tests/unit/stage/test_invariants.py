"""The checker accepts a sound history and reports each way to break it."""

from dataclasses import replace

import pytest

from common.contracts.event import ContactId, EscalationId, PersonId
from stage.invariants import INVARIANTS, check
from stage.invariants.snapshot import Assignment, DeadLetterRow, Escalation, OutboxRow, Threshold
from unit.stage.changes import (
    RECEIVED,
    Change,
    caused,
    chained,
    changed_record,
    changing_each,
    changing_tables,
    clock_of_ada,
    publishing,
    repeated,
    replacing,
    without,
    without_in,
)
from unit.stage.examples import (
    ADA,
    BO,
    NOTIFICATION,
    RAISED,
    RITA,
    acknowledgement_due,
    assigned,
    at,
    breached,
    closed,
    completed,
    event_id,
    met,
    notification_sent,
    offered,
    page,
    raised,
    received,
    released,
    sound_history,
    warned,
)

EVE = ContactId("eve")
BREACHED, SENT_RECORD = 4, 7
OTHER = EscalationId("another")


BROKEN: dict[str, tuple[Change, int, str]] = {
    "contact lost by intake": (
        replacing(accepted_contacts=frozenset((EVE,))),
        1,
        "accepted, and intake has no such contact",
    ),
    "never published": (without("records", RECEIVED), 1, "ContactReceived was never published"),
    "published twice": (publishing(received(ADA)), 1, "ContactReceived was published twice"),
    "no assignment": (without("assignments", 0), 1, "router does not know the contact"),
    "unknown to router": (
        changing_each("assignments", state="unknown"),
        1,
        "router does not know the contact",
    ),
    "still assigned": (
        changing_each("assignments", state="assigned"),
        1,
        "resolved at intake, but still assigned at router",
    ),
    "not tracked": (without("tracked_contacts", 0), 1, "escalation does not track the contact"),
    "tracked without its contact": (
        changing_each("tracked_contacts", details=None),
        1,
        "escalation does not track the contact",
    ),
    "no clock": (changing_each("tracked_contacts", clocks=()), 1, "no clock was started"),
    "resolved at intake only": (
        changing_each("tracked_contacts", resolved_at=None),
        1,
        "intake and escalation differ on whether it has ended",
    ),
    "resolved with an open escalation": (
        changing_each("tracked_contacts", escalation_id=RAISED),
        1,
        "ended, but its escalation is still open",
    ),
    "two open escalations": (
        lambda snapshot: replace(
            snapshot,
            escalations=[
                *snapshot.escalations,
                Escalation(OTHER, ADA, "acknowledged", 0, 1, 1, at(60)),
            ],
        ),
        2,
        "two open escalations",
    ),
    "raised twice": (publishing(raised(ADA, OTHER)), 2, "raised while another was open"),
    "raised in the topic alone": (
        without("escalations", 0),
        2,
        "the topic and the table differ on the open escalation",
    ),
    "breached twice": (publishing(breached(ADA)), 2, "a threshold fired twice"),
    "warned twice": (publishing(warned(ADA)), 2, "a threshold fired twice"),
    "breached early": (
        publishing(breached(BO, occurred_at=at(9.999))),
        2,
        "breached before it was due",
    ),
    "a timer before its time": (
        publishing(breached(BO, lateness_ms=-0.5)),
        2,
        "a timer fired early",
    ),
    "breached after it was met": (publishing(breached(BO)), 2, "fired without running"),
    "a clock that was never started": (
        publishing(breached(ADA, due_at=at(9))),
        2,
        "fired without running",
    ),
    "met twice": (publishing(met(BO)), 2, "met without running"),
    "not told of a breach": (
        without("records", BREACHED),
        2,
        "fired in the table, but not in the topic",
    ),
    "not known of a breach": (
        clock_of_ada(
            Threshold(50, at(5), at(5), action="warn_representative"), Threshold(100, at(10))
        ),
        2,
        "fired in the topic, but not in the table",
    ),
    "fired early in the table": (
        clock_of_ada(
            Threshold(50, at(5), at(4.9), action="warn_representative"),
            Threshold(100, at(10), at(10.001)),
        ),
        2,
        "fired before it was due",
    ),
    "threshold skipped": (
        lambda snapshot: replace(
            snapshot,
            tracked_contacts=[
                snapshot.tracked_contacts[0],
                replace(
                    snapshot.tracked_contacts[1],
                    clocks=(replace(snapshot.tracked_contacts[1].clocks[0], met_at=at(12)),),
                ),
            ],
        ),
        2,
        "due before its clock ended, but never fired",
    ),
    "two representatives": (
        chained(publishing(assigned(EVE)), publishing(assigned(EVE, PersonId("other")))),
        3,
        "two live assignments",
    ),
    "two contacts with capacity for one": (
        publishing(assigned(ADA), assigned(BO)),
        3,
        "above capacity",
    ),
    "an offer takes capacity": (publishing(assigned(ADA), offered(BO)), 3, "above capacity"),
    "unknown representative": (
        publishing(assigned(ADA, PersonId("nobody"))),
        3,
        "above capacity",
    ),
    "completed by another representative": (
        publishing(completed(ADA)),
        3,
        "ended for a representative who did not have it",
    ),
    "wrong skill": (changing_each("representatives", skills=("shipping",)), 3, "does not fit"),
    "wrong language": (changing_each("representatives", languages=("es",)), 3, "does not fit"),
    "assigned in the table alone": (
        lambda snapshot: replace(snapshot, assignments=[Assignment(ADA, "assigned", RITA, 0)]),
        3,
        "the topic and the table differ on the representative",
    ),
    "load too high": (
        changing_each("representatives", load=1),
        3,
        "the load differs from the assignments",
    ),
    "never tried": (without("attempts", 0), 4, "a page was never tried"),
    "not tried by mail": (
        lambda snapshot: replace(
            snapshot,
            recipients=[
                replace(
                    snapshot.recipients[0],
                    media=(
                        *snapshot.recipients[0].media,
                        replace(snapshot.recipients[0].media[0], medium="email"),
                    ),
                )
            ],
        ),
        4,
        "a page was never tried",
    ),
    "unknown recipient without a failure": (
        chained(without("recipients", 0), without("notifications", 0)),
        4,
        "a page was never tried",
    ),
    "page requested twice": (publishing(page(ADA)), 4, "a page was requested twice"),
    "two successes": (
        lambda snapshot: replace(
            snapshot, attempts=[*snapshot.attempts, replace(snapshot.attempts[0], attempt=2)]
        ),
        4,
        "two attempts succeeded",
    ),
    "delivered twice": (
        replacing(receipts={NOTIFICATION: 2}),
        4,
        "delivered twice, and not recorded as ambiguous",
    ),
    "nothing arrived": (replacing(receipts={}), 4, "sent, but nothing arrived"),
    "arrived but recorded as failed": (
        changing_each("notifications", state="failed"),
        4,
        "arrived, but not recorded",
    ),
    "published as sent twice": (
        publishing(notification_sent(ADA)),
        4,
        "the table and the topic differ on whether it was sent",
    ),
    "a gap": (without("records", 3), 5, "a gap or a wrong order"),
    "a wrong order": (
        lambda snapshot: replace(
            snapshot, records=[snapshot.records[n] for n in (0, 1, 3, 2, *range(4, 15))]
        ),
        5,
        "a gap or a wrong order",
    ),
    "repeated record with other content": (
        repeated(BREACHED, value=b"{}"),
        5,
        "a repeated record that differs",
    ),
    "only in the journal": (
        without("records", 14),
        5,
        "in the journal, and not published under its number",
    ),
    "only in the topic": (
        without_in("escalation", "journal", 0),
        5,
        "published, but not in the journal",
    ),
    "offset ahead of its effect": (
        without_in("router", "inbox", 0),
        5,
        "never handled, and its offset is committed",
    ),
    "never read": (
        chained(without_in("router", "inbox", 0), replacing(committed_offsets={})),
        5,
        "never handled",
    ),
    "assignment that intake lost": (
        without_in("intake", "contact_representatives", 0),
        5,
        "never handled, and its offset is committed",
    ),
    "unreadable without a dead letter": (
        chained(changed_record(RECEIVED, event=None), replacing(committed_offsets={})),
        5,
        "never handled",
    ),
    "handled at two times": (caused("escalation", 0, 1), 5, "handled twice"),
    "same effect twice": (
        chained(publishing(raised(ADA)), caused("escalation", 3, -1)),
        5,
        "the same effect twice",
    ),
    "unpublished event": (
        changing_tables("router", outbox=[OutboxRow([event_id(7)])]),
        6,
        "an outbox is not empty",
    ),
    "overdue timer": (replacing(at=at(62)), 6, "a timer is overdue"),
    "two timers": (
        changing_tables("escalation", timers=[acknowledgement_due()] * 2),
        6,
        "two timers in a slot",
    ),
    "no timer for an escalation": (
        changing_tables("escalation", timers=()),
        6,
        "an open escalation has no live timer",
    ),
    "timer of an earlier round": (
        changing_each("escalations", round=2),
        6,
        "an open escalation has no live timer",
    ),
    "lease without an end timer": (
        changing_each("escalations", state="acknowledged", lease_no=1),
        6,
        "an open escalation has no live timer",
    ),
    "clock without a timer": (
        clock_of_ada(Threshold(100, at(60))),
        6,
        "a running clock has no live timer",
    ),
    "timer not cancelled": (
        changing_each("escalations", state="closed"),
        6,
        "a timer that nothing waits for",
    ),
    "offer without an end": (
        changing_each("assignments", state="offered"),
        6,
        "an offer has no live timer",
    ),
}

SOUND: dict[str, Change] = {
    "unchanged": replacing(),
    "record repeated": repeated(BREACHED),
    "contact in the dead letters": chained(
        without_in("router", "inbox", 0),
        changing_tables(
            "router", dead_letters=[DeadLetterRow("contacts/0@1", event_id(RECEIVED), "no")]
        ),
    ),
    "delivered twice and ambiguous": chained(
        replacing(receipts={NOTIFICATION: 2}), changing_each("notifications", ambiguous=True)
    ),
    "cancelled before it was sent": chained(
        publishing(closed(ADA)),
        without("records", SENT_RECORD),
        without_in("notifier", "journal", 0),
        changing_each("notifications", state="cancelled"),
        changing_each("escalations", state="closed"),
        changing_tables("escalation", timers=()),
        replacing(attempts=(), receipts={}),
    ),
    "offered, then accepted": publishing(offered(BO), assigned(BO), completed(BO)),
    "one contact after the other": publishing(
        assigned(ADA), released(ADA), assigned(BO), completed(BO)
    ),
    "several effects of one cause": caused("escalation", 2, 3, 4),
}


def test_sound_history_passes_and_every_invariant_is_checked() -> None:
    verdict = check(sound_history())
    assert not verdict.violations, str(verdict)
    assert all(verdict.checked[number] > 0 for number in INVARIANTS)


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_valid_change_has_no_violation(change: Change) -> None:
    verdict = check(change(sound_history()))
    assert not verdict.violations, str(verdict)


@pytest.mark.parametrize(("change", "invariant", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_history_is_reported(change: Change, invariant: int, message: str) -> None:
    verdict = check(change(sound_history()))
    assert (invariant, message) in {
        (item.invariant, item.message) for item in verdict.violations
    }, str(verdict)


def test_breach_of_a_clock_met_in_time_is_a_remark() -> None:
    verdict = check(publishing(met(ADA))(sound_history()))
    assert any("met in time" in remark for remark in verdict.remarks)
