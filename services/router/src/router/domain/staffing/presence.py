"""Whether a representative is available, away or offline."""

from dataclasses import replace
from datetime import datetime

from router.domain.staffing.representatives import Presence, Representative


def set_presence(
    representative: Representative, presence: Presence, *, at: datetime
) -> Representative:
    """Set the presence. Idle time counts from a change; the same presence again changes nothing."""
    if presence == representative.presence:
        return representative
    return replace(representative, presence=presence, idle_since=at)
