"""Whether the invariants of DESIGN.md hold, from what can be seen from outside the services."""

from collections.abc import Callable

from stage.invariants import assignments, contacts, escalations, pages, quiescence, streams
from stage.invariants.findings import Broken, Ledger, Verdict
from stage.invariants.reader import Sources, gather
from stage.invariants.receipts import arrived
from stage.invariants.settle import NotQuietError, quiesce
from stage.invariants.snapshot import Facts

INVARIANTS: dict[int, Callable[[Facts, Ledger], None]] = {
    1: contacts.check,
    2: escalations.check,
    3: assignments.check,
    4: pages.check,
    5: streams.check,
    6: quiescence.check,
}

__all__ = [
    "INVARIANTS",
    "Broken",
    "Facts",
    "NotQuietError",
    "Sources",
    "Verdict",
    "arrived",
    "check",
    "gather",
    "quiesce",
]


def check(facts: Facts) -> Verdict:
    """Look at all six; the facts must have been read when nothing moved (see `quiesce`)."""
    ledgers = [Ledger(number) for number in INVARIANTS]
    for ledger in ledgers:
        INVARIANTS[ledger.number](facts, ledger)
    return Verdict(
        broken=[broken for ledger in ledgers for broken in ledger.broken],
        checked={ledger.number: ledger.checked for ledger in ledgers},
        remarks=tuple(remark for ledger in ledgers for remark in ledger.remarks),
    )
