"""Invariant 6: at rest nothing is left to do, and whatever waits has what it waits for."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from common.contracts.escalations import TimerMissing
from stage.invariants.findings import Ledger
from stage.invariants.snapshot import Clock, Escalation, Facts, TimerRow

# A timer that came due while the facts were read is not late yet.
_GRACE = timedelta(seconds=1)

_ESCALATION = "an open escalation"
_CLOCK = "a running clock"

Fits = Callable[[TimerRow], bool]


def check(facts: Facts, ledger: Ledger) -> None:
    for service, books in facts.books.items():
        ledger.require(not books.outbox, "an outbox is not empty", service, len(books.outbox))
        for timer in books.timers:
            overdue = timer.due_at < facts.at - _GRACE
            ledger.require(not overdue, "a timer is overdue", service, timer.type, timer.id)
        for (contact_id, slot), several in facts.timers(service).items():
            ledger.require(len(several) == 1, "two timers in a slot", service, contact_id, slot)
    _timers_of(facts, "escalation", dict(_clocks_and_escalations(facts)), ledger)
    _alarms(facts, ledger)
    _offers(facts, ledger)


def _timers_of(
    facts: Facts, service: str, waiting: dict[tuple[str, str], tuple[str, Fits]], ledger: Ledger
) -> None:
    timers = facts.timers(service)
    for place, (told, fits) in waiting.items():
        live = any(fits(timer) for timer in timers.get(place, ()))
        ledger.require(live, _lost(told), *place)
    for place in timers.keys() - waiting.keys():
        ledger.require(False, "a timer that nothing waits for", service, *place)


def _alarms(facts: Facts, ledger: Ledger) -> None:
    """What escalation has found missing and set anew was missing all the same."""
    for told in facts.events("escalations").values():
        for alarm in (event for event in told if isinstance(event, TimerMissing)):
            waits = _CLOCK if alarm.slot.startswith("clock:") else _ESCALATION
            ledger.require(False, _lost(waits), alarm.contact_id, alarm.occurred_at)


def _lost(waits: str) -> str:
    return f"{waits} has no live timer"


def _clocks_and_escalations(facts: Facts) -> Iterator[tuple[tuple[str, str], tuple[str, Fits]]]:
    for watch in facts.watches:
        for clock in watch.clocks:
            if clock.waits_for is not None:
                told = (_CLOCK, _fits_clock(clock))
                yield (watch.contact_id, f"clock:{clock.name}"), told
    for escalation in facts.escalations:
        if escalation.is_open:
            told = (_ESCALATION, _fits_escalation(escalation))
            yield (escalation.contact_id, "escalation"), told
            if escalation.warn_at is not None:
                told = (_ESCALATION, _fits_warning(escalation))
                yield (escalation.contact_id, "escalation:warning"), told


def _fits_clock(clock: Clock) -> Fits:
    threshold = clock.waits_for

    def fits(timer: TimerRow) -> bool:
        return threshold is not None and (timer.due_at, timer.data["percent"]) == (
            threshold.due_at,
            threshold.percent,
        )

    return fits


def _fits_escalation(escalation: Escalation) -> Fits:
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


def _fits_warning(escalation: Escalation) -> Fits:
    def fits(timer: TimerRow) -> bool:
        found = (timer.type, timer.data.get("escalation_id"), timer.data.get("lease_no"))
        awaited = ("LeaseEnding", escalation.escalation_id, escalation.lease_no)
        return found == awaited and timer.due_at == escalation.warn_at

    return fits


def _offers(facts: Facts, ledger: Ledger) -> None:
    timers = facts.timers("router")
    for one in facts.assignments:
        if one.state == "offered":
            found = timers.get((one.contact_id, "OfferExpires"), ())
            kept = any(timer.data.get("offer") == one.offer for timer in found)
            ledger.require(kept, "an offer has no live timer", one.contact_id)
