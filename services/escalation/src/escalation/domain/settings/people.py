"""Who reports to whom, who supervises a team, and how much each role may grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal, assert_never

from annotated_types import Len
from pydantic import ConfigDict, Field, StringConstraints, with_config

from common.contracts.event import PersonId, Role
from common.contracts.reporting import Position
from escalation.domain import types
from escalation.domain.duty.schedules import Absence

# The API's roles that may grant outcomes which cost something, lowest first.
GrantingRole = Literal["supervisor", "manager"]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]


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
    """The most that a role may grant, by currency (ISO 4217); nothing in others."""

    limits: dict[Currency, Amount] = field(default_factory=dict)
    """The most that the role may grant, by currency (ISO 4217); nothing in other currencies."""


def has_limits(limits: Mapping[str, ApprovalLimit], role: Role) -> bool:
    """Tell whether what the role may grant is limited.

    Supervisors without a limit of their own may grant nothing as soon as managers have one. Without
    any limit nobody is blocked, and nobody evades a limit from below.
    """
    match role:
        case "admin":
            return False
        case "channel" | "representative":
            return True
        case "supervisor":
            return role in limits or "manager" in limits
        case "manager":
            return role in limits
        case _:
            assert_never(role)


def limit_of(limits: Mapping[str, ApprovalLimit], role: Role, currency: str) -> Decimal | None:
    """Return the most that the role may grant; None if it has no limit."""
    if not has_limits(limits, role):
        return None
    own = limits.get(role, ApprovalLimit())
    return own.limits.get(currency, Decimal(0))


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
