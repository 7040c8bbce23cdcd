"""Who reports to whom, who supervises a team, and how much each role may grant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, assert_never

from annotated_types import Len
from pydantic import ConfigDict, Field, with_config

from common.contracts.event import PersonId, Role, TeamId
from common.contracts.people import Position
from common.contracts.validation_messages import InvalidValueError
from escalation.domain import types
from escalation.domain.duty.windows import ALWAYS, Absence, Absences
from escalation.domain.money import Amounts, require_decimals

# The API's roles that may grant outcomes which cost something, lowest first.
GrantingRole = Literal["supervisor", "manager"]
MAX_WINDOW_DAYS = 366


@dataclass(frozen=True, slots=True)
class Person:
    """One who works here, as router describes the person. Who is not `active` has left."""

    reports_to: PersonId | None = None
    roles: tuple[Position, ...] = ()
    team_id: TeamId | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class SupervisorScope:
    """The teams that a person supervises, and the people who report to them, directly or not."""

    teams: frozenset[str]
    people: frozenset[PersonId]


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class PersonAbsences:
    absences: Annotated[tuple[Absence, ...], Len(max_length=1000)]
    """When the person is away: no duty, and no pages at a level, which go to a stand-in."""

    def named_stand_ins(self) -> Iterator[tuple[str, PersonId]]:
        """Yield (place, person) for each stand-in."""
        for n, absence in enumerate(self.absences):
            if absence.stand_in is not None:
                yield f"absences/{n}/stand_in", absence.stand_in

    @property
    def stand_ins(self) -> frozenset[PersonId]:
        return frozenset(person for _, person in self.named_stand_ins())

    def added_to(self, before: "PersonAbsences | None") -> Iterator[tuple[int, Absence]]:
        """Yield each absence that is new, with its place in the list."""
        earlier = before.absences if before else ()
        return ((n, each) for n, each in enumerate(self.absences) if each not in earlier)


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Team:
    supervisors: Annotated[tuple[types.StaffId, ...], Len(min_length=1, max_length=20)]
    """The supervisors of the team."""


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class ApprovalLimit:
    """The most that a role may grant, by currency (ISO 4217); nothing in others.

    What was granted before counts: all of the contact, and all of the customer in the window.
    """

    limits: Amounts = field(default_factory=dict)
    """The most for one contact, by currency (ISO 4217); nothing in other currencies."""
    per_customer: Amounts = field(default_factory=dict)
    """The most for one customer within the window; where it is missing, that of one contact."""
    window_days: Annotated[int, Field(ge=1, le=MAX_WINDOW_DAYS)] = 30
    """How many days back grants to the same customer count."""
    unlimited: bool = False
    """The role may grant anything."""

    def __post_init__(self) -> None:
        require_decimals(self.limits)
        require_decimals(self.per_customer)
        if self.unlimited and (self.limits or self.per_customer):
            raise InvalidValueError("a limit is unlimited or has amounts", "unlimited-with-amounts")


NO_GRANTS = ApprovalLimit()


def places_above(lower: ApprovalLimit, upper: ApprovalLimit) -> Iterator[str]:
    """Yield each place by which `lower` allows more than the role above may grant."""
    if upper.unlimited:
        return
    if lower.unlimited:
        yield "unlimited"
    for currency, amount in lower.limits.items():
        if amount > upper.limits.get(currency, 0):
            yield f"limits/{currency}"
    for currency, amount in lower.per_customer.items():
        most = upper.per_customer.get(currency, upper.limits.get(currency, 0))
        if amount > most:
            yield f"per_customer/{currency}"
    # The same amount in a shorter time is more.
    if lower.limits and lower.window_days < upper.window_days:
        yield "window_days"


def limit_of(limits: Mapping[str, ApprovalLimit], role: Role) -> ApprovalLimit | None:
    """Return the role's limit; None if it has none, as admins and where a setting says so."""
    match role:
        case "admin":
            return None
        case "channel" | "representative":
            return NO_GRANTS
        case "supervisor" | "manager":
            own = limits.get(role, NO_GRANTS)
            return None if own.unlimited else own
        case _:
            assert_never(role)


# The role that a limit binds does not set it.
SET_BY: Mapping[GrantingRole, tuple[Role, ...]] = {
    "supervisor": ("manager", "admin"),
    "manager": ("admin",),
}


def absences_of(
    staff: Mapping[PersonId, Person], absences_by_person: Mapping[PersonId, PersonAbsences]
) -> Absences:
    """Return the absences of each person who has any; who has left is always absent."""
    present = {person_id: body.absences for person_id, body in absences_by_person.items()}
    left = (person_id for person_id, person in staff.items() if not person.active)
    return {**present, **dict.fromkeys(left, (ALWAYS,))}


def people_below(staff: Mapping[PersonId, Person], superior: PersonId) -> frozenset[PersonId]:
    """Return who reports to the person, directly or not, also those who have left."""
    below: set[PersonId] = set()
    reached = {superior}
    while reached:
        reached = {
            person for person, member in staff.items() if member.reports_to in reached
        } - below
        below |= reached
    return frozenset(below - {superior})


def reporting_line(staff: Mapping[PersonId, Person], person: PersonId) -> list[PersonId]:
    """Return the person's superior, that person's superior, and so on to the top, each once."""
    line: list[PersonId] = []
    while (member := staff.get(person)) is not None and member.reports_to is not None:
        person = member.reports_to
        if person in line:
            break
        line.append(person)
    return line
