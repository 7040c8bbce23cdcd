"""Events about the people who work here, owned by `router` and keyed by person."""

from typing import Literal

from common.contracts.event import Instant, PersonEvent, TeamId

Presence = Literal["available", "away", "offline"]


class PeopleEvent(PersonEvent):
    topic = "people"


class RepresentativeDescribed(PeopleEvent):
    """The whole profile of a representative, published when it is added or changed.

    `skills` are topics of contacts. `capacity` is the most contacts at the same time. Without
    `auto_accept` each contact is an offer, to be answered within `offer_s` seconds. Who is not
    `active` gets no contacts.
    """

    name: str
    team_id: TeamId
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int
    auto_accept: bool
    offer_s: int
    active: bool


class PresenceChanged(PeopleEvent):
    """`since` is when this presence with this reason began."""

    team_id: TeamId
    presence: Presence
    reason: str | None = None
    since: Instant


EVENTS: tuple[type[PeopleEvent], ...] = (RepresentativeDescribed, PresenceChanged)
