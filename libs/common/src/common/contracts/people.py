"""Events about the people who work here, owned by `router` and keyed by person."""

from collections.abc import Mapping
from typing import Literal

from common.contracts.contract import Contract, Instant
from common.contracts.event import PersonEvent, PersonId, TeamId
from common.contracts.notifications import Medium
from common.contracts.texts import ReasonText

# What a person does here; who may do what follows from the API key and the reporting line.
Position = Literal["representative", "supervisor", "manager", "director"]
Presence = Literal["available", "away", "offline"]


class PeopleEvent(PersonEvent):
    topic = "people"


class PersonDescribed(PeopleEvent):
    """The whole entry of a person, published when it is put with a change.

    `version` counts the changes: a reader ignores an older one. `reports_to` is the superior. Who
    is not `active` has left. How the person is reached is never in it.
    """

    version: int
    name: ReasonText
    roles: tuple[Position, ...] = ()
    team_id: TeamId | None = None
    reports_to: PersonId | None = None
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    active: bool = True


class ContactMethod(Contract):
    """`details` are the fields of an address of this medium."""

    medium: Medium
    details: Mapping[str, str]


class ContactMethodsChanged(PeopleEvent):
    """How the person is reached from now on, published when somebody put it with the person.

    These are personal data, and only `notifier` needs them: nobody else keeps this event. `by` is
    who put it: a person, or a system as `admin:ops`. `name` is that of the person.
    """

    name: ReasonText
    contact_methods: tuple[ContactMethod, ...]
    by: str


class RepresentativeDescribed(PeopleEvent):
    """The whole profile of a representative, published when it is added or changed.

    `skills` are topics of contacts. `capacity` is the most contacts at the same time. Skills,
    languages and capacity are those in force: the usual ones, as adjusted until a time. Without
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


EVENTS: tuple[type[PeopleEvent], ...] = (
    PersonDescribed,
    ContactMethodsChanged,
    RepresentativeDescribed,
    PresenceChanged,
)
