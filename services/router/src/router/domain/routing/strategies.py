"""The routing policy: which available representative is first, and how long one is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.event import PersonId
from router.domain.staffing.representatives import Representative

Rank = tuple[float, datetime, int, PersonId]

EXCLUSION = timedelta(seconds=30)


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
    """

    rank: Callable[[Representative], Rank] = least_busy
    exclusion: timedelta = EXCLUSION
