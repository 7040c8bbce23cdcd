"""Checks six invariants, reading only what is visible outside the services.

1. An accepted contact is never lost, and the services agree on its state.
2. A contact has at most one open escalation; a threshold fires once, never early, never after its
   clock was met.
3. A contact has at most one live assignment, to a representative with the skill and a free slot.
4. Every page is attempted, and succeeds once unless it is recorded as ambiguous.
5. Numbers of events have no gaps, and no offset is committed ahead of its effect.
6. When all is settled, no outbox row and no due timer is left, and every open escalation has a
   timer or a lease.
"""

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
