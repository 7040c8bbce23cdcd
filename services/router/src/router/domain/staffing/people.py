"""The people who work here, who reports to whom, and who may change that."""

from datetime import datetime

from msgspec import Struct, structs

from common.contracts.event import OPERATIONS, PersonId, TeamId
from common.contracts.people import PersonDescribed, Position
from router.domain.errors import InvalidPersonError, PersonForbiddenError


class PersonEntry(Struct, frozen=True):
    """What is put of a person. Who has the role representative takes contacts."""

    name: str
    roles: tuple[Position, ...] = ()
    team_id: TeamId | None = None
    reports_to: PersonId | None = None
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    active: bool = True

    @property
    def takes_contacts(self) -> bool:
        return self.active and "representative" in self.roles

    @property
    def supervised_team(self) -> TeamId | None:
        """The team for which the person is asked where no team setting names others."""
        return self.team_id if self.active and "supervisor" in self.roles else None


class Person(PersonEntry, frozen=True, kw_only=True):
    person_id: PersonId
    version: int

    def has(self, entry: PersonEntry) -> bool:
        return all(getattr(self, name) == value for name, value in structs.asdict(entry).items())


class StalePersonError(Exception):
    """The person is not at the version that you have read; `current` is the entry in force."""

    def __init__(self, current: Person | None) -> None:
        super().__init__(
            "The person has changed since you read the entry."
            if current
            else "There is no such person."
        )
        self.current = current


class PersonContext(Struct, frozen=True):
    """What is in force around a person before a change.

    `line` are the superiors of the person, nearest first; `new_line` begins with whom the person is
    to report to. `subordinates` report to the person directly and have not left.
    """

    current: Person | None
    line: tuple[PersonId, ...]
    new_superior: Person | None
    new_line: tuple[PersonId, ...]
    subordinates: tuple[PersonId, ...]


def require_right(
    caller: Person | None, person_id: PersonId, entry: PersonEntry, context: PersonContext
) -> None:
    """Refuse a manager who puts anybody but people below; raises PersonForbiddenError.

    By the line in force: who could change the own place, or that of a superior, would choose who
    judges a complaint, and take over whom others page.
    """
    if caller is None or not caller.active:
        raise PersonForbiddenError("Only managers whom Upstairs knows put people, and admins.")
    if context.current is not None and caller.person_id not in context.line:
        whose = "your own entry" if person_id == caller.person_id else f"the entry of {person_id}"
        raise PersonForbiddenError(f"{person_id} is not below you: an admin changes {whose}.")
    is_moved = context.current is None or entry.reports_to != context.current.reports_to
    if is_moved and caller.person_id not in context.new_line:
        raise PersonForbiddenError("The person must report to you or to somebody below you.")


def require_own_team(
    current: Person | None, entry: PersonEntry, strangers: tuple[PersonId, ...]
) -> None:
    """Refuse a manager who makes anybody the supervisor of a team with people not below.

    Raises PersonForbiddenError.
    """
    before = current.supervised_team if current else None
    if strangers and entry.supervised_team not in (None, before):
        people = ", ".join(strangers)
        raise PersonForbiddenError(
            f"{people} of the team {entry.team_id} are not below you: an admin may do it."
        )


def require_valid(person_id: PersonId, entry: PersonEntry, context: PersonContext) -> None:
    """Raises InvalidPersonError."""
    if person_id == OPERATIONS:
        raise InvalidPersonError(
            "name",
            "operations is no person: an admin puts it with PUT /v1/recipients/operations.",
            "reserved-name",
        )
    _require_superior(person_id, entry, context)
    if entry.takes_contacts:
        for place in ("team_id", "skills", "languages"):
            if not getattr(entry, place):
                raise InvalidPersonError(
                    place, "Who has the role representative needs it.", "needed-for-contacts"
                )
    if not entry.active and context.subordinates:
        people = ", ".join(context.subordinates)
        raise InvalidPersonError(
            "active",
            f"{people} would report to nobody: give them another superior first.",
            "reported-to",
            context.subordinates,
        )


def _require_superior(person_id: PersonId, entry: PersonEntry, context: PersonContext) -> None:
    superior = entry.reports_to
    if superior is None:
        return
    if person_id in context.new_line:
        way = (person_id, *context.new_line[: context.new_line.index(person_id) + 1])
        raise InvalidPersonError(
            "reports_to", f"That would be a cycle: {' → '.join(way)}.", "cycle", way
        )
    if context.new_superior is None:
        detail = f"There is no person {superior}: put that person first."
        raise InvalidPersonError("reports_to", detail, "person-unknown", (superior,))
    if entry.active and not context.new_superior.active:
        raise InvalidPersonError(
            "reports_to", f"{superior} has left.", "person-has-left", (superior,)
        )


def describe(current: Person | None, person_id: PersonId, entry: PersonEntry) -> Person:
    """Return the person after the change; an unchanged entry keeps its version."""
    if current is not None and current.has(entry):
        return current
    version = current.version + 1 if current else 1
    return Person(**structs.asdict(entry), person_id=person_id, version=version)


def described(person: Person, at: datetime) -> PersonDescribed:
    return PersonDescribed(
        person_id=person.person_id,
        occurred_at=at,
        version=person.version,
        name=person.name,
        roles=person.roles,
        team_id=person.team_id,
        reports_to=person.reports_to,
        languages=person.languages,
        skills=person.skills,
        active=person.active,
    )
