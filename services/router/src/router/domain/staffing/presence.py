"""Whether a representative is available, away or offline, and why."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.people import Presence, PresenceChanged
from router.domain.staffing.representatives import Representative, StaffingChange


def set_presence(
    representative: Representative, presence: Presence, reason: str | None = None, *, at: datetime
) -> StaffingChange:
    """Set the presence and its reason. Setting the same again changes nothing.

    Idle time counts from a change of presence, not from a change of the reason alone.
    """
    if (presence, reason) == (representative.presence, representative.presence_reason):
        return StaffingChange(representative)
    changed = replace(
        representative,
        presence=presence,
        presence_reason=reason,
        presence_since=at,
        idle_since=representative.idle_since if presence == representative.presence else at,
    )
    event = PresenceChanged(
        person_id=representative.representative_id,
        occurred_at=at,
        team_id=representative.team_id,
        presence=presence,
        reason=reason,
        since=at,
    )
    return StaffingChange(changed, (event,))
