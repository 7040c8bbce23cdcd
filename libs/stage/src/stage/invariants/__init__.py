"""Whether the invariants of DESIGN.md hold, from what can be seen from outside the services."""

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


def check(facts: Snapshot) -> Verdict:
    """Look at all six; the facts must have been read when nothing moved (see `quiesce`)."""
    ledgers = [Findings(number) for number in INVARIANTS]
    for ledger in ledgers:
        INVARIANTS[ledger.invariant](facts, ledger)
    return Verdict(
        violations=[broken for ledger in ledgers for broken in ledger.violations],
        checked={ledger.invariant: ledger.checked_count for ledger in ledgers},
        remarks=tuple(remark for ledger in ledgers for remark in ledger.remarks),
    )
