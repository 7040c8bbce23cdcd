"""People who can be notified, and the addresses that channels reach them at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.contracts.event import PersonId
from common.contracts.notifications import Medium


@dataclass(frozen=True, slots=True)
class Address:
    """`details` are the fields of the channel's address type, all but its medium."""

    medium: Medium
    details: Mapping[str, str]

    @property
    def user_id(self) -> str | None:
        """Return who presses buttons there; None where a channel has no buttons."""
        return self.details.get("user_id")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Has each medium at most once."""

    person_id: PersonId
    name: str
    media: tuple[Address, ...]

    def reached_by(self, media: Sequence[Medium]) -> tuple[Address, ...]:
        return tuple(address for address in self.media if address.medium in media)
