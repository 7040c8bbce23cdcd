"""Which clocks pause while we wait for the customer."""

from common.contracts.clocks import ClockName
from escalation.domain.model import SlaClock, TrackedContact

# The others never depend on what the customer does.
_PAUSED_FOR_CUSTOMER: frozenset[ClockName] = frozenset(
    ("next_response", "periodic_update", "resolution")
)


def pausable_clocks(contact: TrackedContact) -> list[ClockName]:
    """Return the running clocks that pause while we wait for the customer."""
    return [clock.name for clock in contact.clocks if _is_pausable(clock)]


def _is_pausable(clock: SlaClock) -> bool:
    pauses = clock.name in _PAUSED_FOR_CUSTOMER and not clock.runs_while_waiting
    return pauses and not clock.ended and clock.paused_at is None
