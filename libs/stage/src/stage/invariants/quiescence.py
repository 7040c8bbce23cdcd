"""Invariant 6: in a settled system no work is left, and every open item has its timer."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from common.contracts.escalations import TimerMissing
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Escalation, Snapshot, TimerRow

# A timer that came due while the snapshot was read is not overdue.
_READ_TIME = timedelta(seconds=1)

_ESCALATION = "an open escalation"
_CLOCK = "a running clock"
_WAIT = "a wait for the customer"
_WAIT_SLOT = "wait"
_CLOCK_SLOT = "clocks"

Matcher = Callable[[TimerRow], bool]


def check(snapshot: Snapshot, findings: Findings) -> None:
    for service, tables in snapshot.tables.items():
        findings.require(not tables.outbox, "an outbox is not empty", service, len(tables.outbox))
        for timer in tables.timers:
            overdue = timer.due_at < snapshot.at - _READ_TIME
            findings.require(not overdue, "a timer is overdue", service, timer.type, timer.id)
        for (contact_id, slot), timers in snapshot.timers_by_slot(service).items():
            findings.require(len(timers) == 1, "two timers in a slot", service, contact_id, slot)
    _check_timers(snapshot, "escalation", dict(_expected_timers(snapshot)), findings)
    _check_reported_losses(snapshot, findings)
    _check_offers(snapshot, findings)


def _check_timers(
    snapshot: Snapshot,
    service: str,
    expected: dict[tuple[str, str], tuple[str, Matcher]],
    findings: Findings,
) -> None:
    timers = snapshot.timers_by_slot(service)
    for slot, (owner, matches) in expected.items():
        live = any(matches(timer) for timer in timers.get(slot, ()))
        findings.require(live, _lost_message(owner), *slot)
    for slot in timers.keys() - expected.keys():
        findings.require(False, "a timer that nothing waits for", service, *slot)


def _check_reported_losses(snapshot: Snapshot, findings: Findings) -> None:
    """A timer that escalation reported missing counts as lost, even if it recreated it."""
    for events in snapshot.events("escalations").values():
        for alarm in (event for event in events if isinstance(event, TimerMissing)):
            owner = _owner(alarm.slot)
            findings.require(False, _lost_message(owner), alarm.contact_id, alarm.occurred_at)


def _owner(slot: str) -> str:
    if slot == _WAIT_SLOT:
        return _WAIT
    return _CLOCK if slot == _CLOCK_SLOT else _ESCALATION


def _lost_message(owner: str) -> str:
    return f"{owner} has no live timer"


def _expected_timers(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str], tuple[str, Matcher]]]:
    for contact in snapshot.tracked_contacts:
        thresholds = (clock.next_threshold for clock in contact.clocks)
        due_times = [threshold.due_at for threshold in thresholds if threshold is not None]
        if due_times:
            owner = (_CLOCK, _matches_time("ClockDue", min(due_times)))
            yield (contact.contact_id, _CLOCK_SLOT), owner
        if contact.wait_ends_at is not None:
            owner = (_WAIT, _matches_time("WaitExpires", contact.wait_ends_at))
            yield (contact.contact_id, _WAIT_SLOT), owner
    for escalation in snapshot.escalations:
        if escalation.is_open:
            owner = (_ESCALATION, _matches_escalation(escalation))
            yield (escalation.contact_id, "escalation"), owner
            if escalation.warn_at is not None:
                owner = (_ESCALATION, _matches_warning(escalation))
                yield (escalation.contact_id, "escalation:warning"), owner


def _matches_time(kind: str, due_at: datetime) -> Matcher:
    def matches(timer: TimerRow) -> bool:
        return (timer.type, timer.due_at) == (kind, due_at)

    return matches


def _matches_escalation(escalation: Escalation) -> Matcher:
    """A raised escalation waits for an acknowledgement, a held one for the end of the lease."""
    unanswered = escalation.state in ("raised", "approval_asked")
    expected = (
        ("AcknowledgementDue", escalation.level, escalation.round)
        if unanswered
        else ("LeaseExpires", escalation.lease_no)
    )

    def matches(timer: TimerRow) -> bool:
        fields = ("level", "round") if unanswered else ("lease_no",)
        values = (timer.type, *(timer.data.get(name) for name in fields))
        same = timer.data.get("escalation_id") == escalation.escalation_id
        return same and values == expected and timer.due_at == escalation.deadline

    return matches


def _matches_warning(escalation: Escalation) -> Matcher:
    def matches(timer: TimerRow) -> bool:
        values = (timer.type, timer.data.get("escalation_id"), timer.data.get("lease_no"))
        expected = ("LeaseWarningDue", escalation.escalation_id, escalation.lease_no)
        return values == expected and timer.due_at == escalation.warn_at

    return matches


def _check_offers(snapshot: Snapshot, findings: Findings) -> None:
    timers = snapshot.timers_by_slot("router")
    for assignment in snapshot.assignments:
        if assignment.state == "offered":
            expiries = timers.get((assignment.contact_id, "OfferExpires"), ())
            live = any(timer.data.get("offer") == assignment.offer for timer in expiries)
            findings.require(live, "an offer has no live timer", assignment.contact_id)
