"""Who reports to whom, who supervises a team, and how much each role may grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, assert_never

from annotated_types import Len
from pydantic import ConfigDict, Field, with_config

from common.contracts.event import PersonId, Role
from common.contracts.reporting import Position
from escalation.domain import types
from escalation.domain.duty.windows import ALWAYS, Absence, Absences
from escalation.domain.money import Amounts, require_decimals

# The API's roles that may grant outcomes which cost something, lowest first.
GrantingRole = Literal["supervisor", "manager"]
MAX_WINDOW_DAYS = 366


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Person:
    """One who works here. `role` is for people to read; the API key says what the person may do."""

    reports_to: types.StaffId | None = None
    """The superior."""
    role: Position | None = None
    """For people to read; the API key says what the person may do."""
    absences: tuple[Absence, ...] = ()
    """When the person is away."""
    active: bool = True
    """False once the person has left."""


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
            raise ValueError("a limit is unlimited or has amounts")


NO_GRANTS = ApprovalLimit()


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


def absences_of(staff: Mapping[PersonId, Person]) -> Absences:
    """Return the absences of each person who has any; who has left is always absent."""
    return {
        person_id: person.absences if person.active else (ALWAYS,)
        for person_id, person in staff.items()
        if person.absences or not person.active
    }


def reporting_line(staff: Mapping[PersonId, Person], person: PersonId) -> list[PersonId]:
    """Return the person's superior, that person's superior, and so on to the top, each once."""
    line: list[PersonId] = []
    while (member := staff.get(person)) is not None and member.reports_to is not None:
        person = member.reports_to
        if person in line:
            break
        line.append(person)
    return line


def find_cycle(
    staff: Mapping[PersonId, Person], person: PersonId, reports_to: PersonId
) -> list[PersonId] | None:
    """Return the cycle that there would be if the person reported to `reports_to`."""
    line = [reports_to, *reporting_line(staff, reports_to)]
    if person not in line:
        return None
    return [person, *line[: line.index(person) + 1]]
