"""Rosters for tests of duty."""

from collections.abc import Sequence

from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.rosters import DutyChanges, Roster
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.duty.windows import Override, Swap


def roster_of(
    *rotations: Rotation,
    overrides: Sequence[Override] = (),
    swaps: Sequence[Swap] = (),
    covers: Calendar | None = None,
) -> Roster:
    """Return the roster of one version that counts at all times."""
    changes = DutyChanges(tuple(overrides), tuple(swaps))
    return Roster((DutySchedule(rotations, covers),), changes)
