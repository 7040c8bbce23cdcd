"""Invariant 6: at rest nothing is left to do, and whatever waits has what it waits for."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from common.contracts.escalations import TimerMissing
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Clock, Escalation, Snapshot, TimerRow

# A timer that came due while the facts were read is not late yet.
_READ_TIME = timedelta(seconds=1)

_ESCALATION = "an open escalation"
_CLOCK = "a running clock"

Matcher = Callable[[TimerRow], bool]


def check(facts: Snapshot, ledger: Findings) -> None:
    for service, books in facts.tables.items():
        ledger.require(not books.outbox, "an outbox is not empty", service, len(books.outbox))
        for timer in books.timers:
            overdue = timer.due_at < facts.at - _READ_TIME
            ledger.require(not overdue, "a timer is overdue", service, timer.type, timer.id)
        for (contact_id, slot), several in facts.timers_by_slot(service).items():
            ledger.require(len(several) == 1, "two timers in a slot", service, contact_id, slot)
    _check_timers(facts, "escalation", dict(_expected_timers(facts)), ledger)
    _check_reported_losses(facts, ledger)
    _check_offers(facts, ledger)


def _check_timers(
    facts: Snapshot,
    service: str,
    waiting: dict[tuple[str, str], tuple[str, Matcher]],
    ledger: Findings,
) -> None:
    timers = facts.timers_by_slot(service)
    for place, (told, fits) in waiting.items():
        live = any(fits(timer) for timer in timers.get(place, ()))
        ledger.require(live, _lost_message(told), *place)
    for place in timers.keys() - waiting.keys():
        ledger.require(False, "a timer that nothing waits for", service, *place)


def _check_reported_losses(facts: Snapshot, ledger: Findings) -> None:
    """What escalation has found missing and set anew was missing all the same."""
    for told in facts.events("escalations").values():
        for alarm in (event for event in told if isinstance(event, TimerMissing)):
            waits = _CLOCK if alarm.slot.startswith("clock:") else _ESCALATION
            ledger.require(False, _lost_message(waits), alarm.contact_id, alarm.occurred_at)


def _lost_message(waits: str) -> str:
    return f"{waits} has no live timer"


def _expected_timers(facts: Snapshot) -> Iterator[tuple[tuple[str, str], tuple[str, Matcher]]]:
    for watch in facts.tracked_contacts:
        for clock in watch.clocks:
            if clock.next_threshold is not None:
                told = (_CLOCK, _matches_clock(clock))
                yield (watch.contact_id, f"clock:{clock.name}"), told
    for escalation in facts.escalations:
        if escalation.is_open:
            told = (_ESCALATION, _matches_escalation(escalation))
            yield (escalation.contact_id, "escalation"), told
            if escalation.warn_at is not None:
                told = (_ESCALATION, _matches_warning(escalation))
                yield (escalation.contact_id, "escalation:warning"), told


def _matches_clock(clock: Clock) -> Matcher:
    threshold = clock.next_threshold

    def fits(timer: TimerRow) -> bool:
        return threshold is not None and (timer.due_at, timer.data["percent"]) == (
            threshold.due_at,
            threshold.percent,
        )

    return fits


def _matches_escalation(escalation: Escalation) -> Matcher:
    """While it asks for something it waits for an answer, else for the end of the lease."""
    asks = escalation.state in ("raised", "approval_asked")
    awaited = (
        ("AcknowledgementDue", escalation.level, escalation.round)
        if asks
        else ("LeaseExpires", escalation.lease_no)
    )

    def fits(timer: TimerRow) -> bool:
        named = ("level", "round") if asks else ("lease_no",)
        found = (timer.type, *(timer.data.get(name) for name in named))
        same = timer.data.get("escalation_id") == escalation.escalation_id
        return same and found == awaited and timer.due_at == escalation.deadline

    return fits


def _matches_warning(escalation: Escalation) -> Matcher:
    def fits(timer: TimerRow) -> bool:
        found = (timer.type, timer.data.get("escalation_id"), timer.data.get("lease_no"))
        awaited = ("LeaseEnding", escalation.escalation_id, escalation.lease_no)
        return found == awaited and timer.due_at == escalation.warn_at

    return fits


def _check_offers(facts: Snapshot, ledger: Findings) -> None:
    timers = facts.timers_by_slot("router")
    for one in facts.assignments:
        if one.state == "offered":
            found = timers.get((one.contact_id, "OfferExpires"), ())
            kept = any(timer.data.get("offer") == one.offer for timer in found)
            ledger.require(kept, "an offer has no live timer", one.contact_id)
