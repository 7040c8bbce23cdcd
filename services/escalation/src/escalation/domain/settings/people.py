"""Who reports to whom, who supervises a team, and how much each role may grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal, assert_never

from annotated_types import Len
from pydantic import ConfigDict, Field, StringConstraints, with_config

from common.contracts.event import PersonId
from escalation.domain import types
from escalation.domain.duty.schedules import Absence

Position = Literal["representative", "supervisor", "manager", "director"]
# Those of the API's roles whose outcomes may cost something, from the lowest.
GrantingRole = Literal["supervisor", "manager"]
Role = Literal["channel", "representative", "supervisor", "manager", "admin"]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Person:
    """`role` is what the person is, for people to read; what one may do hangs on the API key."""

    reports_to: types.Person | None = None
    role: Position | None = None
    absences: tuple[Absence, ...] = ()


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Team:
    supervisors: Annotated[tuple[types.Person, ...], Len(min_length=1)]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class ApprovalLimit:
    """The most that a role may grant, by currency (ISO 4217); in one not listed it is nothing."""

    limits: dict[Currency, Amount] = field(default_factory=dict)


def limit_of(settings: Mapping[str, ApprovalLimit], role: Role, currency: str) -> Decimal | None:
    """Return the most that the role may grant, or None if there is no end to it.

    Without a setting of their own supervisors are bounded by the managers': where these have a
    limit, they may grant nothing. So newcomers are not held up, and no limit is evaded from below.
    """
    match role:
        case "admin":
            return None
        case "channel" | "representative":
            return Decimal(0)
        case "supervisor" | "manager":
            own = settings.get(role)
        case _:
            assert_never(role)
    if own is not None:
        return own.limits.get(currency, Decimal(0))
    return Decimal(0) if role == "supervisor" and "manager" in settings else None


def line_above(staff: Mapping[PersonId, Person], person: PersonId) -> list[PersonId]:
    """Return whom the person reports to, and so on up to the top, each once."""
    line: list[PersonId] = []
    while (known := staff.get(person)) is not None and known.reports_to is not None:
        person = known.reports_to
        if person in line:
            break
        line.append(person)
    return line


def cycle(
    staff: Mapping[PersonId, Person], person: PersonId, reports_to: PersonId
) -> list[PersonId] | None:
    """Return the way round that it would make if the person reported to that one, if it would."""
    line = [reports_to, *line_above(staff, reports_to)]
    if person not in line:
        return None
    return [person, *line[: line.index(person) + 1]]
