"""The timers of router."""

from common.contracts.event import PersonId
from common.messages import Timer


class OfferExpires(Timer):
    """`offer` is the number of the offer: a later offer has a timer of its own."""

    representative_id: PersonId
    offer: int


class AbsenceGraceEnds(Timer):
    """A contact of a representative who is absent goes to somebody else."""

    representative_id: PersonId


class ExclusionEnds(Timer):
    """A waiting contact may go again to those who declined it."""


class TeamWaitEnds(Timer):
    """A contact that waits for its team may go to everybody."""


class AdjustmentEnds(Timer):
    """What is usual counts again for a representative.

    Its `contact_id` is the id of the adjustment: timers have no other key.
    """
