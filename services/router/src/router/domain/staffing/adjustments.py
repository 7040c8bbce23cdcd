"""Adjustments: other contacts for a representative until a time, beside what is usual."""

from datetime import datetime, timedelta
from typing import Final, Literal, NewType

from msgspec import Struct
from msgspec.structs import asdict, replace

from common.contracts.event import ContactId, PersonId
from common.messages import Cancel, Schedule
from router.domain.errors import InvalidAdjustmentError, PersonForbiddenError
from router.domain.staffing.people import Person
from router.domain.timers import AdjustmentEnds

AdjustmentId = NewType("AdjustmentId", str)
EndCause = Literal["expired", "withdrawn", "replaced", "entry_changed"]

LONGEST: Final = timedelta(days=7)


class AdjustmentEntry(Struct, frozen=True):
    """What is put; what is empty or None stays as usual.

    With `only_skills` the person gets contacts of these topics alone, with `only_languages` those
    in these languages alone.
    """

    reason: str
    ends_at: datetime
    capacity: int | None = None
    added_skills: tuple[str, ...] = ()
    removed_skills: tuple[str, ...] = ()
    only_skills: tuple[str, ...] = ()
    only_languages: tuple[str, ...] = ()

    def skills_of(self, person: Person) -> tuple[str, ...]:
        """Return the skills in force, in the order of the alphabet."""
        skills = {*person.skills, *self.added_skills} - set(self.removed_skills)
        return tuple(sorted(skills & set(self.only_skills) if self.only_skills else skills))

    def languages_of(self, person: Person) -> tuple[str, ...]:
        return tuple(
            language
            for language in person.languages
            if not self.only_languages or language in self.only_languages
        )

    def fits(self, person: Person) -> bool:
        """Return whether the person takes contacts, and can still get some with it."""
        return (
            person.takes_contacts
            and bool(self.skills_of(person))
            and bool(self.languages_of(person))
        )


class Adjustment(AdjustmentEntry, frozen=True, kw_only=True):
    """`number` counts those of a person. `ended_by` is None if it ended by itself."""

    adjustment_id: AdjustmentId
    person_id: PersonId
    number: int
    set_by: PersonId
    set_at: datetime
    ended_at: datetime | None = None
    ended_by: PersonId | None = None
    end_cause: EndCause | None = None

    @property
    def timer_key(self) -> ContactId:
        """Timers are kept by the id of a contact; each adjustment has one of its own."""
        return ContactId(self.adjustment_id)


class StaleAdjustmentError(Exception):
    """The adjustment is not at the number that you have read; `current` is the one in force."""

    def __init__(self, current: Adjustment | None) -> None:
        super().__init__(
            "Somebody has changed the adjustment since you read it."
            if current
            else "There is no adjustment now."
        )
        self.current = current


def require_right(caller: Person | None, person: Person, line: tuple[PersonId, ...]) -> None:
    """Refuse who is neither a supervisor of the person's team nor above the person.

    `line` are the superiors of the person. Raises PersonForbiddenError.
    """
    if caller is None or not caller.active:
        raise PersonForbiddenError("Only supervisors whom Upstairs knows adjust it, and admins.")
    if caller.person_id == person.person_id:
        raise PersonForbiddenError("Your own contacts are adjusted by who is above you.")
    is_team_mate = person.team_id is not None and caller.supervised_team == person.team_id
    if caller.person_id not in line and not is_team_mate:
        raise PersonForbiddenError(
            f"{person.name} is neither in your team nor below you: ask a supervisor of"
            f" {person.team_id}."
        )


def require_valid(entry: AdjustmentEntry, person: Person, *, at: datetime) -> None:
    """Raises InvalidAdjustmentError."""
    if not at < entry.ends_at <= at + LONGEST:
        raise InvalidAdjustmentError("ends_at", "It must be in the next seven days.")
    if replace(entry, reason="", ends_at=at) == AdjustmentEntry("", at):
        raise InvalidAdjustmentError("capacity", "Say what is different: the capacity or skills.")
    _require_skills(entry, person)
    strange = sorted(set(entry.only_languages) - set(person.languages))
    if strange:
        detail = f"{person.name} does not answer in {', '.join(strange)}."
        raise InvalidAdjustmentError("only_languages", detail)


def _require_skills(entry: AdjustmentEntry, person: Person) -> None:
    unknown = sorted(set(entry.removed_skills) - set(person.skills))
    if unknown:
        detail = f"{person.name} does not have {', '.join(unknown)}."
        raise InvalidAdjustmentError("removed_skills", detail)
    taken = replace(entry, only_skills=()).skills_of(person)
    strange = sorted(set(entry.only_skills) - set(taken))
    if strange:
        detail = f"{person.name} would not have {', '.join(strange)}."
        raise InvalidAdjustmentError("only_skills", detail)
    if not taken:
        detail = "No skill would be left: set the presence to away instead."
        raise InvalidAdjustmentError("removed_skills", detail)


def begin(
    adjustment_id: AdjustmentId,
    person_id: PersonId,
    entry: AdjustmentEntry,
    number: int,
    *,
    by: PersonId,
    at: datetime,
) -> Adjustment:
    return Adjustment(
        **asdict(entry),
        adjustment_id=adjustment_id,
        person_id=person_id,
        number=number,
        set_by=by,
        set_at=at,
    )


def end(
    adjustment: Adjustment, cause: EndCause, by: PersonId | None, *, at: datetime
) -> Adjustment:
    return replace(adjustment, ended_at=at, ended_by=by, end_cause=cause)


def timer_of(adjustment: Adjustment) -> Schedule | Cancel:
    """Return the timer that ends it; none for one that has ended."""
    if adjustment.ended_at is not None:
        return Cancel(adjustment.timer_key, AdjustmentEnds.type)
    return Schedule(AdjustmentEnds(contact_id=adjustment.timer_key), adjustment.ends_at)
