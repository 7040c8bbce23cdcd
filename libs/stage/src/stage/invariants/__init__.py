"""Checks the invariants of DESIGN.md, reading only what is visible outside the services."""

from collections.abc import Callable

from stage.invariants import assignments, contacts, escalations, pages, quiescence, streams
from stage.invariants.findings import Findings, Verdict, Violation
from stage.invariants.reader import Sources, read_snapshot
from stage.invariants.receipts import count_receipts
from stage.invariants.settle import NotSettledError, wait_until_settled
from stage.invariants.snapshot import Snapshot

INVARIANTS: dict[int, Callable[[Snapshot, Findings], None]] = {
    1: contacts.check,
    2: escalations.check,
    3: assignments.check,
    4: pages.check,
    5: streams.check,
    6: quiescence.check,
}

__all__ = [
    "INVARIANTS",
    "NotSettledError",
    "Snapshot",
    "Sources",
    "Verdict",
    "Violation",
    "check",
    "count_receipts",
    "read_snapshot",
    "wait_until_settled",
]


def check(snapshot: Snapshot) -> Verdict:
    """Check all six invariants.

    The snapshot must have been read while the system was settled (see `wait_until_settled`).
    """
    results = [Findings(number) for number in INVARIANTS]
    for findings in results:
        INVARIANTS[findings.invariant](snapshot, findings)
    return Verdict(
        violations=[violation for findings in results for violation in findings.violations],
        checked={findings.invariant: findings.checked_count for findings in results},
        remarks=tuple(remark for findings in results for remark in findings.remarks),
    )
