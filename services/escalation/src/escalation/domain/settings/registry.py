"""The settings in force, and the registry of their kinds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from common.contracts.event import PersonId, Role
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import ALWAYS, Absences, DutySchedule, on_duty
from escalation.domain.duty.shifts import shift_end
from escalation.domain.errors import UnknownPersonError
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson, PersonOnDuty
from escalation.domain.settings.people import (
    ApprovalLimit,
    Person,
    PersonAbsences,
    Team,
    limit_of,
)
from escalation.domain.settings.policies import ContactDetails, SlaPolicy, precedence

Setting = (
    SlaPolicy | Calendar | Ladder | DutySchedule | Person | PersonAbsences | Team | ApprovalLimit
)
T = TypeVar("T", bound=Setting)

DEFAULT_LADDER = "default"


@dataclass(frozen=True, slots=True)
class SettingKind:
    """`path` names the kind in the API, on the command line and in the table of settings.

    `field` is the field of Configuration that holds its settings. A kind that is not `simulated`
    changes no outcome of a simulation. One that is not `put` here comes by an event.
    """

    path: str
    type: type[Any]
    field: str
    simulated: bool = True
    put: bool = True


KINDS = (
    SettingKind("sla-policies", SlaPolicy, "policies"),
    SettingKind("calendars", Calendar, "calendars"),
    SettingKind("ladders", Ladder, "ladders"),
    SettingKind("duty-schedules", DutySchedule, "schedules"),
    SettingKind("people", Person, "people", put=False),
    SettingKind("absences", PersonAbsences, "absences_by_person"),
    SettingKind("teams", Team, "teams"),
    SettingKind("approval-limits", ApprovalLimit, "limits", simulated=False),
)
KIND_BY_TYPE: Mapping[type[Any], SettingKind] = {kind.type: kind for kind in KINDS}
KIND_BY_PATH: Mapping[str, SettingKind] = {kind.path: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Ref:
    """One version of a setting; it never changes."""

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


# How often an escalation for which there is no ladder looks for one.
NO_LADDER_RETRY_S = 60.0
NO_LADDER = Versioned(
    "", 0, Ladder((), lease_s=NO_LADDER_RETRY_S, working_lease_s=NO_LADDER_RETRY_S)
)


@dataclass(frozen=True)
class Configuration:
    """The newest version of each setting by its id; running clocks still use older calendars."""

    policies: Mapping[str, Versioned[SlaPolicy]] = field(default_factory=dict)
    calendars: Mapping[str, Versioned[Calendar]] = field(default_factory=dict)
    ladders: Mapping[str, Versioned[Ladder]] = field(default_factory=dict)
    schedules: Mapping[str, Versioned[DutySchedule]] = field(default_factory=dict)
    people: Mapping[str, Versioned[Person]] = field(default_factory=dict)
    absences_by_person: Mapping[str, Versioned[PersonAbsences]] = field(default_factory=dict)
    teams: Mapping[str, Versioned[Team]] = field(default_factory=dict)
    limits: Mapping[str, Versioned[ApprovalLimit]] = field(default_factory=dict)
    earlier_calendars: Mapping[Ref, Calendar] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Iterable[Versioned[Any]]) -> "Configuration":
        """Put the settings in force; of several versions the last one, but all of a calendar."""
        by_field: dict[str, dict[str, Versioned[Any]]] = defaultdict(dict)
        calendars: dict[Ref, Calendar] = {}
        for setting in settings:
            by_field[KIND_BY_TYPE[type(setting.body)].field][setting.id] = setting
            if isinstance(setting.body, Calendar):
                calendars[setting.ref] = setting.body
        values: dict[str, Any] = {**by_field, "earlier_calendars": calendars}
        return cls(**values)

    def get(self, kind: type[T], setting_id: str) -> Versioned[T] | None:
        return self._by_id(kind).get(setting_id)

    def all_of(self, kind: type[T]) -> list[Versioned[T]]:
        return sorted(self._by_id(kind).values(), key=lambda setting: setting.id)

    def with_next(self, setting_id: str, body: Setting) -> "Configuration":
        """Return it with `body` as the next version of the setting."""
        kind = KIND_BY_TYPE[type(body)]
        settings = self._by_id(kind.type)
        version = settings[setting_id].version + 1 if setting_id in settings else 1
        setting: Versioned[Any] = Versioned(setting_id, version, body)
        return self.with_version(setting)

    def with_version(self, setting: Versioned[Any]) -> "Configuration":
        """Return it with this version in force."""
        kind = KIND_BY_TYPE[type(setting.body)]
        changes: dict[str, Any] = {kind.field: {**self._by_id(kind.type), setting.id: setting}}
        if isinstance(setting.body, Calendar):
            changes["earlier_calendars"] = {**self.earlier_calendars, setting.ref: setting.body}
        return replace(self, **changes)

    def _by_id(self, kind: type[T]) -> Mapping[str, Versioned[T]]:
        settings: Mapping[str, Versioned[T]] = getattr(self, KIND_BY_TYPE[kind].field)
        return settings

    @cached_property
    def _most_specific_first(self) -> list[Versioned[SlaPolicy]]:
        return sorted(self.policies.values(), key=lambda policy: precedence(policy.id, policy.body))

    @cached_property
    def raises_on_receipt(self) -> bool:
        """Tell whether any policy raises some contacts as they come in."""
        rules = (policy.body.raise_when for policy in self.policies.values())
        return any(rule.vip or rule.repeated is not None for rule in rules)

    def policy_for(self, contact: ContactDetails) -> Versioned[SlaPolicy] | None:
        """Return the policy that applies to the contact: see `precedence` and `Match.covers`."""
        covering = (
            policy for policy in self._most_specific_first if policy.body.match.covers(contact)
        )
        # `min` returns the first of equals.
        return min(covering, key=lambda policy: policy.body.match.preference(contact), default=None)

    def calendar_for(
        self, policy: SlaPolicy, contact: ContactDetails
    ) -> Versioned[Calendar] | None:
        """Return the one of the customer's region, else the policy's own."""
        calendar_id = policy.calendar_by_region.get(contact.region or "", policy.calendar_id)
        return None if calendar_id is None else self.calendars[calendar_id]

    def calendar_version(self, ref: Ref | None) -> Calendar | None:
        """Return the version by which a clock counts, also once there is a newer one."""
        if ref is None:
            return None
        return self.earlier_calendars.get(ref) or self.calendars[ref.id].body

    def ladder_for(self, ladder_id: str | None) -> Versioned[Ladder]:
        return self.ladders.get(ladder_id or DEFAULT_LADDER, NO_LADDER)

    @cached_property
    def staff(self) -> Mapping[PersonId, Person]:
        return {PersonId(person_id): person.body for person_id, person in self.people.items()}

    @cached_property
    def absences(self) -> Absences:
        """The absences of each person who has any; who has left is always absent."""
        present = {
            PersonId(person_id): setting.body.absences
            for person_id, setting in self.absences_by_person.items()
        }
        left = (person_id for person_id, person in self.staff.items() if not person.active)
        return {**present, **dict.fromkeys(left, (ALWAYS,))}

    def supervisors_of(self, team_id: str) -> tuple[PersonId, ...]:
        """Return those of the team's setting; without one, the supervisors who are in the team."""
        team = self.teams.get(team_id)
        if team is not None:
            return team.body.supervisors
        return tuple(
            person_id
            for person_id, person in sorted(self.staff.items())
            if person.active and person.team_id == team_id and "supervisor" in person.roles
        )

    def has_left(self, person: PersonId) -> bool:
        return person in self.staff and not self.staff[person].active

    def works_here(self, person: PersonId) -> bool:
        """Tell whether it is a known person who has not left."""
        return person in self.staff and self.staff[person].active

    def require_person(self, field: str, person: PersonId) -> None:
        """Raises UnknownPersonError if nobody of this id works here."""
        if not self.works_here(person):
            raise UnknownPersonError(field, person, has_left=person in self.staff)

    def shift_end(self, level: Level, person: PersonId, at: datetime) -> datetime | None:
        """Return when the person's duty at the level ends; None if nothing ends it."""
        if NamedPerson("person", person) in level.who:
            return None
        schedules = (
            self.schedules[rule.schedule_id].body
            for rule in level.who
            if isinstance(rule, PersonOnDuty)
        )
        ends = [
            shift_end(schedule, person, at, self.absences)
            for schedule in schedules
            if person in on_duty(schedule, at, self.absences)
        ]
        limited = [end for end in ends if end is not None]
        return max(limited) if limited and len(limited) == len(ends) else None

    def limit_for(self, role: Role) -> ApprovalLimit | None:
        """Return what the role may grant; None if it has no limit."""
        return limit_of(self._limit_by_role, role)

    @cached_property
    def _limit_by_role(self) -> Mapping[str, ApprovalLimit]:
        return {role: limit.body for role, limit in self.limits.items()}
