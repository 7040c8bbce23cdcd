"""What the checker says of a sound history, and of the same one broken in one place."""

from dataclasses import replace

import pytest

from common.contracts.event import ContactId, EscalationId, PersonId
from stage.invariants import INVARIANTS, Facts, check
from stage.invariants.facts import Assignment, Escalation, LetterRow, OutboxRow, Threshold
from unit.stage.history import (
    ADA,
    BO,
    RAISED,
    RITA,
    TOLD,
    Change,
    acknowledgement_due,
    assigned,
    at,
    book,
    breached,
    closed,
    completed,
    each,
    event_id,
    good,
    met,
    offered,
    page,
    raised,
    received,
    released,
    telling,
    told,
    warned,
    with_,
    without,
    without_in,
)

EVE = ContactId("eve")
RECEIVED, BREACHED, TOLD_RECORD = 0, 4, 7
OTHER = EscalationId("another")


def changed_record(number: int, **changes: object) -> Change:
    def change(facts: Facts) -> Facts:
        records = list(facts.records)
        records[number] = replace(records[number], **changes)  # type: ignore[arg-type]
        return replace(facts, records=records)

    return change


def repeated(number: int, **changes: object) -> Change:
    """Publish a record once more, as a relay does that died before it could delete the row."""

    def change(facts: Facts) -> Facts:
        again = replace(facts.records[number], offset=99, place="again", **changes)  # type: ignore[arg-type]
        return replace(facts, records=[*facts.records, again])

    return change


def caused(service: str, *numbers: int) -> Change:
    """Say that one event caused these rows of a journal."""

    def change(facts: Facts) -> Facts:
        rows = list(facts.books[service].journal)
        for number in numbers:
            rows[number] = replace(rows[number], cause=event_id(RECEIVED))
        return book(service, journal=rows)(facts)

    return change


def clock_of_ada(*thresholds: Threshold) -> Change:
    def change(facts: Facts) -> Facts:
        ada, bo = facts.watches
        clock = replace(ada.clocks[0], thresholds=thresholds)
        return replace(facts, watches=[replace(ada, clocks=(clock,)), bo])

    return change


def then(*changes: Change) -> Change:
    def change(facts: Facts) -> Facts:
        for one in changes:
            facts = one(facts)
        return facts

    return change


BROKEN: dict[str, tuple[Change, int, str]] = {
    "a contact that intake lost": (
        with_(accepted=frozenset((EVE,))),
        1,
        "accepted, and intake has no such contact",
    ),
    "never published": (without("records", RECEIVED), 1, "ContactReceived was never published"),
    "published twice": (telling(received(ADA)), 1, "ContactReceived was published twice"),
    "no assignment": (without("assignments", 0), 1, "the router has not placed it"),
    "not received by the router": (
        each("assignments", state="unknown"),
        1,
        "the router has not placed it",
    ),
    "still assigned": (
        each("assignments", state="assigned"),
        1,
        "resolved at intake, and still with somebody at the router",
    ),
    "not watched": (without("watches", 0), 1, "escalation does not watch it"),
    "watched before it was received": (
        each("watches", details=None),
        1,
        "escalation does not watch it",
    ),
    "no clock": (each("watches", clocks=()), 1, "no clock was started"),
    "resolved here, open there": (
        each("watches", resolved_at=None),
        1,
        "intake and escalation differ on whether it is resolved",
    ),
    "resolved, and still upstairs": (
        each("watches", escalation_id=RAISED),
        1,
        "resolved, and its escalation is still open",
    ),
    "two open escalations": (
        lambda facts: replace(
            facts,
            escalations=[
                *facts.escalations,
                Escalation(OTHER, ADA, "acknowledged", 0, 1, 1, at(60)),
            ],
        ),
        2,
        "two open escalations",
    ),
    "raised twice": (telling(raised(ADA, OTHER)), 2, "raised while another was open"),
    "raised in the topic alone": (
        without("escalations", 0),
        2,
        "the topic and the table differ on the open escalation",
    ),
    "breached twice": (telling(breached(ADA)), 2, "a threshold fired twice"),
    "warned twice": (telling(warned(ADA)), 2, "a threshold fired twice"),
    "breached early": (
        telling(breached(BO, occurred_at=at(9.999))),
        2,
        "breached before it was due",
    ),
    "a timer before its time": (
        telling(breached(BO, lateness_ms=-0.5)),
        2,
        "a timer fired early",
    ),
    "breached after it was met": (telling(breached(BO)), 2, "fired without running"),
    "a clock that was never started": (
        telling(breached(ADA, due_at=at(9))),
        2,
        "fired without running",
    ),
    "met twice": (telling(met(BO)), 2, "met without running"),
    "not told of a breach": (
        without("records", BREACHED),
        2,
        "fired in the table, not in the topic",
    ),
    "not known of a breach": (
        clock_of_ada(Threshold(50, at(5), at(5)), Threshold(100, at(10))),
        2,
        "fired in the topic, not in the table",
    ),
    "fired early in the table": (
        clock_of_ada(Threshold(50, at(5), at(4.9)), Threshold(100, at(10), at(10.001))),
        2,
        "fired before it was due",
    ),
    "passed over": (
        lambda facts: replace(
            facts,
            watches=[
                facts.watches[0],
                replace(
                    facts.watches[1],
                    clocks=(replace(facts.watches[1].clocks[0], met_at=at(12)),),
                ),
            ],
        ),
        2,
        "due before its clock ended, and never fired",
    ),
    "two representatives": (
        then(telling(assigned(EVE)), telling(assigned(EVE, PersonId("other")))),
        3,
        "two live assignments",
    ),
    "one place, two contacts": (telling(assigned(ADA), assigned(BO)), 3, "above capacity"),
    "an offer takes a place": (telling(assigned(ADA), offered(BO)), 3, "above capacity"),
    "a representative that nobody knows": (
        telling(assigned(ADA, PersonId("nobody"))),
        3,
        "above capacity",
    ),
    "completed by another": (telling(completed(ADA)), 3, "left one without it"),
    "wrong skill": (each("representatives", skills=("shipping",)), 3, "does not fit"),
    "wrong language": (each("representatives", languages=("es",)), 3, "does not fit"),
    "assigned in the table alone": (
        lambda facts: replace(facts, assignments=[Assignment(ADA, "assigned", RITA, 0)]),
        3,
        "the topic and the table differ on who has it",
    ),
    "a place that is lost": (
        each("representatives", load=1),
        3,
        "a load that is not what is assigned",
    ),
    "never tried": (without("attempts", 0), 4, "a page was never tried"),
    "not tried by mail": (
        lambda facts: replace(
            facts,
            recipients=[
                replace(
                    facts.recipients[0],
                    media=(
                        *facts.recipients[0].media,
                        replace(facts.recipients[0].media[0], medium="email"),
                    ),
                )
            ],
        ),
        4,
        "a page was never tried",
    ),
    "nobody there, and nobody said so": (
        then(without("recipients", 0), without("notifications", 0)),
        4,
        "a page was never tried",
    ),
    "asked for twice": (telling(page(ADA)), 4, "a page was asked for twice"),
    "two successes": (
        lambda facts: replace(
            facts, attempts=[*facts.attempts, replace(facts.attempts[0], attempt=2)]
        ),
        4,
        "two attempts succeeded",
    ),
    "told twice": (
        with_(received={TOLD: 2}),
        4,
        "told twice, and not recorded as ambiguous",
    ),
    "nothing arrived": (with_(received={}), 4, "sent, and nothing arrived"),
    "arrived, and taken for lost": (
        each("notifications", state="failed"),
        4,
        "it arrived, and nobody wrote that down",
    ),
    "said to be sent twice": (
        telling(told(ADA)),
        4,
        "the table and the topic differ on whether it was sent",
    ),
    "a gap": (without("records", 3), 5, "a gap or a wrong order"),
    "a wrong order": (
        lambda facts: replace(
            facts, records=[facts.records[n] for n in (0, 1, 3, 2, *range(4, 15))]
        ),
        5,
        "a gap or a wrong order",
    ),
    "a repeat with another content": (repeated(BREACHED, value=b"{}"), 5, "a repeat that differs"),
    "in the journal alone": (
        without("records", 14),
        5,
        "in the journal, and not published under its number",
    ),
    "in the topic alone": (
        without_in("escalation", "journal", 0),
        5,
        "published, and not in the journal",
    ),
    "a number too many": (
        without_in("intake", "journal", -1),
        5,
        "a number that was given to nothing",
    ),
    "an offset ahead of its effect": (
        without_in("router", "inbox", 0),
        5,
        "never handled, and its offset is committed",
    ),
    "never read": (
        then(without_in("router", "inbox", 0), with_(committed={})),
        5,
        "never handled",
    ),
    "buried without a trace": (
        then(changed_record(RECEIVED, event=None), with_(committed={})),
        5,
        "never handled",
    ),
    "handled at two times": (caused("escalation", 0, 1), 5, "handled twice"),
    "one effect two times": (
        then(telling(raised(ADA)), caused("escalation", 3, -1)),
        5,
        "the same effect twice",
    ),
    "an event that was not sent": (
        book("router", outbox=[OutboxRow("later", ADA)]),
        6,
        "an outbox is not empty",
    ),
    "a timer that did not fire": (with_(at=at(62)), 6, "a timer is overdue"),
    "two timers": (
        book("escalation", timers=[acknowledgement_due()] * 2),
        6,
        "two timers in a slot",
    ),
    "silence": (book("escalation", timers=()), 6, "an open escalation has no live timer"),
    "a timer of an earlier round": (
        each("escalations", round=2),
        6,
        "an open escalation has no live timer",
    ),
    "a lease without an end": (
        each("escalations", state="acknowledged", lease_no=1),
        6,
        "an open escalation has no live timer",
    ),
    "a clock that nobody watches": (
        clock_of_ada(Threshold(100, at(60))),
        6,
        "a running clock has no live timer",
    ),
    "a timer that was not cancelled": (
        each("escalations", state="closed"),
        6,
        "a timer that nothing waits for",
    ),
    "an offer for ever": (
        each("assignments", state="offered"),
        6,
        "an offer has no live timer",
    ),
}

SOUND: dict[str, Change] = {
    "as it is": with_(),
    "a record that came twice": repeated(BREACHED),
    "a contact in the dead letters": then(
        without_in("router", "inbox", 0),
        book("router", dead_letters=[LetterRow("contacts/0@1", event_id(RECEIVED), "no")]),
    ),
    "told twice, and known to be": then(
        with_(received={TOLD: 2}), each("notifications", ambiguous=True)
    ),
    "called off before it was sent": then(
        telling(closed(ADA)),
        without("records", TOLD_RECORD),
        without_in("notifier", "journal", 0),
        without_in("notifier", "streams", 0),
        each("notifications", state="cancelled"),
        each("escalations", state="closed"),
        book("escalation", timers=()),
        with_(attempts=(), received={}),
    ),
    "offered, then taken": telling(offered(BO), assigned(BO), completed(BO)),
    "one place, one contact after the other": telling(
        assigned(ADA), released(ADA), assigned(BO), completed(BO)
    ),
    "several effects of one cause": caused("escalation", 2, 3, 4),
}


def test_a_sound_history_is_found_sound_and_every_invariant_was_looked_at() -> None:
    verdict = check(good())
    assert not verdict.broken, str(verdict)
    assert all(verdict.checked[number] > 0 for number in INVARIANTS)


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_what_may_happen_is_found_sound(change: Change) -> None:
    verdict = check(change(good()))
    assert not verdict.broken, str(verdict)


@pytest.mark.parametrize(("change", "number", "otherwise"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named(change: Change, number: int, otherwise: str) -> None:
    verdict = check(change(good()))
    assert (number, otherwise) in {(one.number, one.told) for one in verdict.broken}, str(verdict)


def test_a_breach_that_had_been_met_in_time_is_remarked_on() -> None:
    verdict = check(telling(met(ADA))(good()))
    assert any("met in time" in remark for remark in verdict.remarks)
