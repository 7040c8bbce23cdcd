"""The routing policy: which available representative is first, and how long one is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.event import PersonId
from router.domain.assignments import Assignment
from router.domain.needs import Need
from router.domain.staffing.representatives import Representative

Rank = tuple[float, datetime, int, PersonId]

EXCLUSION = timedelta(seconds=30)
FALLBACK = Need("general", "en")
ABSENCE_GRACE = timedelta(minutes=30)
TEAM_WAIT = timedelta(minutes=5)


def least_busy(representative: Representative) -> Rank:
    """Rank by load as a share of capacity, then longest idle, then fewest skills.

    Fewer skills win a tie, so that representatives with more skills stay free for more queues.
    """
    return (
        representative.load / representative.capacity,
        representative.idle_since,
        len(representative.skills),
        representative.representative_id,
    )


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """`rank`: the representative with the lowest rank gets the contact.

    `exclusion`: for so long a queued contact is not offered again to those who declined it.
    `fallback`: the skill and the language that stand in for those that nobody has.
    `absence_grace`: after so long contacts of somebody offline or inactive go to others; None:
    they stay. `team_wait`: for so long only the team of a contact may get it.
    """

    rank: Callable[[Representative], Rank] = least_busy
    exclusion: timedelta = EXCLUSION
    fallback: Need = FALLBACK
    absence_grace: timedelta | None = ABSENCE_GRACE
    team_wait: timedelta = TEAM_WAIT

    def team_wait_ends_at(self, contact: Assignment) -> datetime:
        """Return until when only the team of the contact may get it."""
        return contact.waits_since + self.team_wait
