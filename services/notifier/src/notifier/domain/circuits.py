"""Whether an outside system is called: after failures in a row it is not called for a while.

Open, nothing is sent by it but one call now and then, which finds out whether it works again. The
first such call to be answered closes the circuit. The time between two of them doubles.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.notifications import Medium
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown, doubled_delay

# After the name of a medium.
DOWN: Final = " is down since"


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """`failures` in a row, of as many as `messages`, open it.

    One message that fails again and again says little about the outside system. `longest_wait` is
    how long a message waits for it; then it has failed. A number of 0 `failures` never opens it.
    """

    failures: int = 5
    messages: int = 3
    first_pause: timedelta = timedelta(seconds=5)
    longest_pause: timedelta = timedelta(seconds=60)
    longest_wait: timedelta = timedelta(seconds=60)


class Circuit(Struct, frozen=True):
    """Closed while `open_since` is None. `probing`: the call that finds out is under way."""

    failures: int = 0
    messages: frozenset[str] = frozenset()
    open_since: datetime | None = None
    pauses: int = 0
    probe_at: datetime | None = None
    probing: bool = False
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.open_since is not None

    def may_probe(self, at: datetime) -> bool:
        return self.probe_at is not None and not self.probing and at >= self.probe_at


def down_reason(medium: Medium, since: datetime) -> str:
    """Return why messages wait while the outside system of the medium is down."""
    return f"{medium}{DOWN} {since:%Y-%m-%d %H:%M:%S} UTC"


def is_down_reason(delay_reason: str | None, medium: Medium) -> bool:
    return delay_reason is not None and delay_reason.startswith(f"{medium}{DOWN}")


def begin_probe(circuit: Circuit) -> Circuit:
    return replace(circuit, probing=True)


def record(
    circuit: Circuit,
    message: str,
    outcome: Outcome,
    policy: CircuitPolicy,
    spread: float,
    at: datetime,
) -> Circuit:
    """Return the circuit after a call. `spread`, above 0 and at most 1, shortens the pause."""
    if _works(outcome):
        return Circuit()
    failed = replace(
        circuit,
        failures=circuit.failures + 1,
        messages=_remember(circuit.messages, message, policy),
        reason=_reason(outcome),
    )
    if circuit.probing:
        return _open(failed, policy, spread, at)
    if circuit.is_open or policy.failures == 0:
        return failed
    few = failed.failures < policy.failures or len(failed.messages) < policy.messages
    return failed if few else _open(failed, policy, spread, at)


def _remember(messages: AbstractSet[str], message: str, policy: CircuitPolicy) -> frozenset[str]:
    return frozenset(messages if len(messages) >= policy.messages else {*messages, message})


def _open(failed: Circuit, policy: CircuitPolicy, spread: float, at: datetime) -> Circuit:
    pauses = failed.pauses + 1
    pause = doubled_delay(policy.first_pause, pauses, policy.longest_pause) * spread
    return replace(
        failed,
        open_since=failed.open_since or at,
        pauses=pauses,
        probe_at=at + pause,
        probing=False,
    )


def _works(outcome: Outcome) -> bool:
    """Tell whether the outside system did its work, even if this message was not for it."""
    match outcome:
        case Sent() | Refused():
            return True
        case Postponed(works=works):
            return works
        case Unknown():
            return False
        case _:
            assert_never(outcome)


def _reason(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Sent) else outcome.reason
