"""The circuits of a process: which outside systems are not called, and who hears of it."""

from collections.abc import Mapping, Sequence

import structlog

from common.contracts.notifications import Medium
from common.core.clock import TimeSource
from common.core.health import Health
from notifier.domain import circuits
from notifier.domain.circuits import Circuit, CircuitPolicy
from notifier.domain.delivery import Outcome
from notifier.metrics import DeliveryMetrics

log = structlog.get_logger()


class Circuits:
    """One for each medium. Each process has its own: it takes no shared row to try a call."""

    def __init__(
        self,
        media: Sequence[Medium],
        policy: CircuitPolicy,
        clock: TimeSource,
        metrics: DeliveryMetrics,
        health: Health,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._circuits = dict.fromkeys(media, Circuit())
        for medium in media:
            metrics.circuit_open.labels(medium).set(0)

    @property
    def delays(self) -> Mapping[Medium, str]:
        """Return why messages wait, for each medium whose outside system is down."""
        return {
            medium: circuits.down_reason(medium, circuit.open_since)
            for medium, circuit in self._circuits.items()
            if circuit.open_since is not None
        }

    def is_open(self, medium: Medium) -> bool:
        return self._circuits[medium].is_open

    def slots(self, medium: Medium, free: int) -> int:
        """Return how many calls may begin: one at a time while it is open, and only when due."""
        circuit = self._circuits[medium]
        if not circuit.is_open:
            return free
        return min(free, 1) if circuit.may_probe(self._clock.utc_now()) else 0

    def begin(self, medium: Medium) -> None:
        """Record that a call begins; while the circuit is open it is the one that finds out."""
        circuit = self._circuits[medium]
        if circuit.is_open:
            self._circuits[medium] = circuits.begin_probe(circuit)

    def record(self, medium: Medium, message: str, outcome: Outcome, spread: float) -> bool:
        """Record how a call ended; return whether the outside system works again."""
        before = self._circuits[medium]
        at = self._clock.utc_now()
        after = circuits.record(before, message, outcome, self._policy, spread, at)
        self._circuits[medium] = after
        if before.is_open != after.is_open:
            self._metrics.circuit_open.labels(medium).set(after.is_open)
            delay = self.delays.get(medium)
            self._health.report_degradation(
                f"delivery by {medium}", f"{delay}: {after.reason}" if delay else None
            )
            log.warning("circuit_changed", medium=medium, open=after.is_open, reason=after.reason)
        return before.is_open and not after.is_open
