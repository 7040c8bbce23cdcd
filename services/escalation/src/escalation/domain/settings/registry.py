"""What managers have set, as it is in force, and which settings make no sense together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, TypeVar, assert_never

from common.contracts.event import PersonId
from escalation.domain.duty import changes
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import Absences, DutySchedule, on_duty
from escalation.domain.duty.shifts import shift_end
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    Named,
    OnDuty,
    ReportingLine,
    TeamSupervisors,
    Who,
)
from escalation.domain.settings.people import (
    ApprovalLimit,
    Person,
    Role,
    Team,
    cycle,
    limit_of,
)
from escalation.domain.settings.policies import Contact, SlaPolicy

Setting = SlaPolicy | Calendar | Ladder | DutySchedule | Person | Team | ApprovalLimit
T = TypeVar("T", bound=Setting)

DEFAULT_LADDER = "default"


@dataclass(frozen=True, slots=True)
class Ref:
    """One version of a setting: it never changes again."""

    id: str
    version: int

    def __str__(self) -> str:
        return f"{self.id} v{self.version}"


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    id: str
    version: int
    body: T

    @property
    def ref(self) -> Ref:
        return Ref(self.id, self.version)


@dataclass(frozen=True)
class Configuration:
    """The newest version of each setting, by its id; clocks go on by earlier calendars too."""

    policies: Mapping[str, Versioned[SlaPolicy]] = field(default_factory=dict)
    calendars: Mapping[str, Versioned[Calendar]] = field(default_factory=dict)
    ladders: Mapping[str, Versioned[Ladder]] = field(default_factory=dict)
    schedules: Mapping[str, Versioned[DutySchedule]] = field(default_factory=dict)
    people: Mapping[str, Versioned[Person]] = field(default_factory=dict)
    teams: Mapping[str, Versioned[Team]] = field(default_factory=dict)
    limits: Mapping[str, Versioned[ApprovalLimit]] = field(default_factory=dict)
    earlier_calendars: Mapping[Ref, Calendar] = field(default_factory=dict)

    def find(self, kind: type[T], setting_id: str) -> Versioned[T] | None:
        return self._of(kind).get(setting_id)

    def all_of(self, kind: type[T]) -> list[Versioned[T]]:
        return sorted(self._of(kind).values(), key=lambda setting: setting.id)

    def _of(self, kind: type[Any]) -> Mapping[str, Versioned[Any]]:
        settings: dict[type[Any], Mapping[str, Versioned[Any]]] = {
            SlaPolicy: self.policies,
            Calendar: self.calendars,
            Ladder: self.ladders,
            DutySchedule: self.schedules,
            Person: self.people,
            Team: self.teams,
            ApprovalLimit: self.limits,
        }
        return settings[kind]

    @cached_property
    def _most_specific_first(self) -> list[Versioned[SlaPolicy]]:
        return sorted(
            self.policies.values(), key=lambda policy: (-policy.body.match.specificity, policy.id)
        )

    @cached_property
    def raises_on_receipt(self) -> bool:
        """Tell whether any policy takes some contacts upstairs as they come in."""
        rules = (policy.body.raise_when for policy in self.policies.values())
        return any(rule.vip or rule.repeated is not None for rule in rules)

    def policy_for(self, contact: Contact) -> Versioned[SlaPolicy] | None:
        covering = (each for each in self._most_specific_first if each.body.match.covers(contact))
        return next(covering, None)

    def calendar_of(self, policy: SlaPolicy, contact: Contact) -> Versioned[Calendar] | None:
        """Return the one of the customer's region, else the policy's own."""
        calendar_id = policy.calendar_by_region.get(contact.region or "", policy.calendar_id)
        return None if calendar_id is None else self.calendars[calendar_id]

    def calendar_at(self, ref: Ref | None) -> Calendar | None:
        """Return the version by which a clock counts, also once there is a newer one."""
        if ref is None:
            return None
        return self.earlier_calendars.get(ref) or self.calendars[ref.id].body

    def ladder(self, ladder_id: str | None) -> Versioned[Ladder] | None:
        return self.ladders.get(ladder_id or DEFAULT_LADDER)

    @cached_property
    def staff(self) -> Mapping[PersonId, Person]:
        return {PersonId(person_id): person.body for person_id, person in self.people.items()}

    @cached_property
    def absences(self) -> Absences:
        """Of those who are ever away, when."""
        return {
            person_id: person.absences
            for person_id, person in self.staff.items()
            if person.absences
        }

    def shift_end(self, level: Level, person: PersonId, at: datetime) -> datetime | None:
        """Return when the person's duty at the level ends; nil if nothing ends it."""
        if Named("person", person) in level.who:
            return None
        schedules = (
            self.schedules[who.schedule_id].body for who in level.who if isinstance(who, OnDuty)
        )
        ends = [
            shift_end(schedule, person, at, self.absences)
            for schedule in schedules
            if person in on_duty(schedule, at, self.absences)
        ]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def limit_of(self, role: Role, currency: str) -> Decimal | None:
        """Return the most that the role may grant, or None if there is no end to it."""
        return limit_of({name: one.body for name, one in self.limits.items()}, role, currency)

    def faults(self, setting_id: str, setting: Setting) -> Iterator[tuple[str, str]]:
        """Yield (place, what is wrong there) for what can't be seen from the setting alone."""
        match setting:
            case Person(reports_to=superior):
                if superior and (way := cycle(self.staff, PersonId(setting_id), superior)):
                    yield "reports_to", f"That would be a cycle: {' → '.join(way)}."
            case Ladder():
                if not setting.ends_in_a_person:
                    last = len(setting.levels) - 1
                    yield f"levels/{last}/who", "The last level must name a person."
            case DutySchedule():
                yield from changes.faults(setting)
            case SlaPolicy() | Calendar() | Team() | ApprovalLimit():
                pass
            case _:
                assert_never(setting)
        for place, what in self.undefined(setting):
            yield place, f"There is no {what}."

    def undefined(self, setting: Setting) -> Iterator[tuple[str, str]]:
        """Yield (place, what it names) for each setting that is named but does not exist."""
        match setting:
            case SlaPolicy():
                yield from self._undefined_in_policy(setting)
            case Ladder():
                yield from self._undefined_in_ladder(setting)
            case Person(reports_to=superior):
                if superior is not None and superior not in self.people:
                    yield "reports_to", f"person {superior}"
            case Calendar():
                yield from setting.unknown_holidays()
            case DutySchedule(covers=Calendar() as covers):
                yield from ((f"covers/{place}", what) for place, what in covers.unknown_holidays())
            case DutySchedule() | Team() | ApprovalLimit():
                return
            case _:
                assert_never(setting)

    def _undefined_in_policy(self, policy: SlaPolicy) -> Iterator[tuple[str, str]]:
        if policy.ladder_id not in self.ladders:
            yield "ladder_id", f"ladder {policy.ladder_id}"
        if policy.calendar_id is not None and policy.calendar_id not in self.calendars:
            yield "calendar_id", f"calendar {policy.calendar_id}"
        for region, calendar_id in policy.calendar_by_region.items():
            if calendar_id not in self.calendars:
                yield f"calendar_by_region/{region}", f"calendar {calendar_id}"
        for severity, ladder_id in policy.ladder_by_severity.items():
            if ladder_id not in self.ladders:
                yield f"ladder_by_severity/{severity}", f"ladder {ladder_id}"

    def _undefined_in_ladder(self, ladder: Ladder) -> Iterator[tuple[str, str]]:
        for n, level in enumerate(ladder.levels):
            if level.calendar_id is not None and level.calendar_id not in self.calendars:
                yield f"levels/{n}/calendar_id", f"calendar {level.calendar_id}"
        for place, who in ladder.asked():
            yield from ((f"{place}/{name}", what) for name, what in self._undefined_in(who))

    def _undefined_in(self, who: Who) -> Iterator[tuple[str, str]]:
        match who:
            case OnDuty(schedule_id=schedule_id):
                if schedule_id not in self.schedules:
                    yield "schedule_id", f"duty schedule {schedule_id}"
            case TeamSupervisors(team_id=team_id):
                if team_id is not None and team_id not in self.teams:
                    yield "team_id", f"team {team_id}"
            case Named() | ReportingLine():
                return
            case _:
                assert_never(who)
