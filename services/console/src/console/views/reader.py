"""Who reads a page, when, and the names by which they know their colleagues."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.contracts.event import PersonRole
from console.texts import Texts


@dataclass(frozen=True, slots=True)
class Reader:
    """`teams` are those that the person leads or belongs to; `names` has people's names by id.

    `people_below` report to the person, directly or not.
    """

    person: str
    role: PersonRole
    now: datetime
    texts: Texts
    teams: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    people_below: frozenset[str] = frozenset()

    @property
    def may_act(self) -> bool:
        """Representatives read; escalations are for the people upstairs."""
        return self.role != "representative"

    @property
    def may_decide_all(self) -> bool:
        return self.role == "manager"

    @property
    def local_midnight(self) -> datetime:
        """When the day began where the person is."""
        local = self.now.astimezone(self.texts.zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0)

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now).total_seconds()

    def duration_since(self, moment: datetime) -> str:
        """Write how long ago that was; clocks of two machines differ, so nothing is negative."""
        return self.texts.duration(max(0.0, -self.seconds_until(moment)))

    def time(self, value: str) -> str:
        """Write a time that a service wrote, where the person is."""
        return self.texts.time(datetime.fromisoformat(value), self.now)

    def full_time(self, value: str) -> str:
        """As `time`, to the second, with the date and the zone."""
        return self.texts.full_time(datetime.fromisoformat(value))

    def name(self, person: str | None) -> str:
        """Return the person's name, or the id of somebody whose name is not there."""
        return self.texts.gettext("nobody") if person is None else self.names.get(person, person)

    def people(self, people: Iterable[str]) -> str:
        """Name them in a row: `you and Sam`; `nobody` if there are none."""
        you = self.texts.gettext("you")
        listed = [you if person == self.person else self.name(person) for person in people]
        if not listed:
            return self.texts.gettext("nobody")
        if len(listed) == 1:
            return listed[0]
        return self.texts.gettext(
            "%(first)s and %(last)s", first=", ".join(listed[:-1]), last=listed[-1]
        )


def parse_time(value: str | None) -> datetime | None:
    """Read a time as the services write it."""
    return None if value is None else datetime.fromisoformat(value)
