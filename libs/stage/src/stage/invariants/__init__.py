"""Whether the invariants of DESIGN.md hold, from what can be seen from outside the services."""

from collections.abc import Callable

from stage.invariants import accepted, assignments, pages, promises, rest, streams
from stage.invariants.facts import Facts
from stage.invariants.ledger import Broken, Ledger, Verdict
from stage.invariants.outside import arrived
from stage.invariants.quiet import NotQuietError, quiesce
from stage.invariants.reading import Sources, gather

INVARIANTS: dict[int, Callable[[Facts, Ledger], None]] = {
    1: accepted.check,
    2: promises.check,
    3: assignments.check,
    4: pages.check,
    5: streams.check,
    6: rest.check,
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
