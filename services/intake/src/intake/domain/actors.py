"""Who acts on a contact, and on which contacts: persons and systems are two namespaces."""

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from common.contracts.event import PersonId, SystemName
from intake.domain.errors import (
    ContactNotFoundError,
    NotYourContactError,
    PersonNotYourselfError,
)
from intake.domain.model import Contact, ContactRepresentative

# The contacts that the system made, those that the person has, or all.
Reach = Literal["received", "assigned", "all"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person with a key of their own, or a system, which may say who did it.

    A person is known by `person_id` alone. A system always has a `system`; then `person_id` is the
    person whom it names.
    """

    reach: Reach
    person_id: PersonId | None = None
    system: SystemName | None = None

    def naming(self, person_id: PersonId | None) -> "Actor":
        """Return the actor with the person whom the request names.

        Raises PersonNotYourselfError if a person names somebody else.
        """
        if person_id is None or person_id == self.person_id:
            return self
        if self.system is None:
            raise PersonNotYourselfError
        return replace(self, person_id=person_id)


def actor_named(name: str) -> Actor:
    """Return who acts on all contacts: a person, or a system, whose name has a colon."""
    if ":" in name:
        return Actor("all", system=SystemName(name))
    return Actor("all", PersonId(name))


# A rule, or the customer.
NOBODY = Actor("all")


def require_access(
    contact: Contact,
    actor: Actor,
    representative: ContactRepresentative | None,
    *,
    to_change: bool,
) -> None:
    """Refuse what is not the actor's: `representative` says whether the actor has or had it.

    Who had a contact may read it; only who had it last may change it.
    """
    match actor.reach:
        case "all":
            pass
        case "received":
            # As for an unknown contact, so that nobody learns which contacts exist.
            if contact.received_from != actor.system:
                raise ContactNotFoundError
        case "assigned":
            if representative is None or (to_change and not representative.is_current):
                raise NotYourContactError
        case _:
            assert_never(actor.reach)
