"""Which of two events about who has a contact is the newer one, in whatever order they come."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from common.contracts.event import ContactId, PersonId

# The router numbers the events of a contact; it begins again once it has deleted all of them, days
# after the last one. So a number counts only among events of about the same time.
SAME_NUMBERS: Final = timedelta(days=1)


class AssignmentChange(NamedTuple):
    """The representative got the contact, or has it no longer: the event with this `sequence`."""

    contact_id: ContactId
    person_id: PersonId
    sequence: int
    at: datetime

    def follows(self, other: "AssignmentChange") -> bool:
        """Tell whether this happened after the other change of the same contact."""
        if abs(self.at - other.at) > SAME_NUMBERS:
            return self.at > other.at
        return self.sequence > other.sequence
