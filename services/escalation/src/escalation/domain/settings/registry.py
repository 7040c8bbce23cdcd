"""The settings in force, and the registry of their kinds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import Struct

from common.contracts.event import PersonId, Role, TeamId
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.rosters import NO_CHANGES, DutyChanges, Roster, on_duty
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.shifts import shift_end
from escalation.domain.duty.stand_ins import represented_by
from escalation.domain.duty.windows import Absences
from escalation.domain.errors import UnknownPersonError
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson, PersonOnDuty
from escalation.domain.settings.people import (
    ApprovalLimit,
    GrantingRole,
    Person,
    PersonAbsences,
    SupervisorScope,
    Team,
    absences_of,
    limit_of,
    people_below,
)
from escalation.domain.settings.policies import (
    MATCHED_FACTS,
    ContactDetails,
    SlaPolicy,
    precedence,
)

Setting = (
    SlaPolicy
    | Calendar
    | Ladder
    | DutySchedule
    | DutyChanges
    | Person
    | PersonAbsences
    | Team
    | ApprovalLimit
)
T = TypeVar("T", bound=Setting)

DEFAULT_LADDER = "default"
# Topics and campaigns are words of others, so there may be any number of combinations.
_MAX_REMEMBERED_POLICIES: Final = 10_000
# What becomes of open work that depends on a setting which is archived: it goes on as it is, moves
# to the settings in force, or is released from what the setting promised.
OpenContacts = Literal["keep", "retarget", "release"]


@dataclass(frozen=True, slots=True)
class SettingKind:
    """`path` names the kind in the API, on the command line and in the table of settings.

    `field` is the field of Configuration that holds its settings. A kind that is not `simulated`
    changes no outcome of a simulation. One that is not `put` here comes by an event, or is changed
    by routes of its own. `open_contacts` are the choices for the work that depends on a setting of
    the kind when it is archived; a kind without can't be archived.
    """

    path: str
    type: type[Any]
    field: str
    simulated: bool = True
    put: bool = True
    open_contacts: tuple[OpenContacts, ...] = ()


KINDS = (
    SettingKind(
        "sla-policies", SlaPolicy, "policies", open_contacts=("keep", "retarget", "release")
    ),
    SettingKind("calendars", Calendar, "calendars", open_contacts=("keep", "retarget", "release")),
    SettingKind("ladders", Ladder, "ladders", open_contacts=("keep", "retarget")),
    SettingKind("duty-schedules", DutySchedule, "schedules", open_contacts=("keep",)),
    SettingKind("duty-changes", DutyChanges, "duty_changes", put=False),
    SettingKind("people", Person, "people", put=False),
    SettingKind("absences", PersonAbsences, "absences_by_person"),
    SettingKind("teams", Team, "teams", open_contacts=("keep",)),
    SettingKind("approval-limits", ApprovalLimit, "limits", simulated=False),
)
KIND_BY_TYPE: Mapping[type[Any], SettingKind] = {kind.type: kind for kind in KINDS}
KIND_BY_PATH: Mapping[str, SettingKind] = {kind.path: kind for kind in KINDS}


class Ref(Struct, frozen=True, gc=False):
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
    archived: bool = False

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
    """The newest version of each setting by its id; running clocks still use older calendars.

    An `archived` setting is in force for open work only, that depends on it already.
    """

    policies: Mapping[str, Versioned[SlaPolicy]] = field(default_factory=dict)
    calendars: Mapping[str, Versioned[Calendar]] = field(default_factory=dict)
    ladders: Mapping[str, Versioned[Ladder]] = field(default_factory=dict)
    schedules: Mapping[str, Versioned[DutySchedule]] = field(default_factory=dict)
    duty_changes: Mapping[str, Versioned[DutyChanges]] = field(default_factory=dict)
    people: Mapping[str, Versioned[Person]] = field(default_factory=dict)
    absences_by_person: Mapping[str, Versioned[PersonAbsences]] = field(default_factory=dict)
    teams: Mapping[str, Versioned[Team]] = field(default_factory=dict)
    limits: Mapping[str, Versioned[ApprovalLimit]] = field(default_factory=dict)
    earlier_calendars: Mapping[Ref, Calendar] = field(default_factory=dict)
    archived: Mapping[tuple[str, str], Versioned[Any]] = field(default_factory=dict)
    earlier_schedules: Mapping[str, tuple[DutySchedule, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Iterable[Versioned[Any]]) -> "Configuration":
        """Put the settings in force; of several versions the last one."""
        return cls().with_versions(settings)

    def get(self, kind: type[T], setting_id: str) -> Versioned[T] | None:
        return self._by_id(kind).get(setting_id)

    def all_of(self, kind: type[T]) -> list[Versioned[T]]:
        return sorted(self._by_id(kind).values(), key=lambda setting: setting.id)

    def archived_of(self, kind: type[T]) -> list[Versioned[T]]:
        path = KIND_BY_TYPE[kind].path
        places = sorted(place for place in self.archived if place[0] == path)
        return [self.archived[place] for place in places]

    def with_next(self, setting_id: str, body: Setting) -> "Configuration":
        """Return it with `body` as the next version of the setting."""
        setting: Versioned[Any] = Versioned(setting_id, self.next_version(body, setting_id), body)
        return self.with_versions((setting,))

    def next_version(self, body: Setting, setting_id: str) -> int:
        newest = self.newest(type(body), setting_id)
        return 1 if newest is None else newest.version + 1

    def newest(self, kind: type[T], setting_id: str) -> Versioned[T] | None:
        """Return the setting in force, or the archived one, on which open work may depend."""
        archived = self.archived.get((KIND_BY_TYPE[kind].path, setting_id))
        return self.get(kind, setting_id) or archived

    def with_versions(self, settings: Iterable[Versioned[Any]]) -> "Configuration":
        """Return it with these versions in force.

        Earlier ones of calendars and schedules stay: clocks count by them, and they say who is on
        duty until the next one begins.
        """
        by_field = {kind.field: {**self._by_id(kind.type)} for kind in KINDS}
        calendars, schedules = {**self.earlier_calendars}, {**self.earlier_schedules}
        archived = {**self.archived}
        for setting in settings:
            kind = KIND_BY_TYPE[type(setting.body)]
            in_force, place = by_field[kind.field], (kind.path, setting.id)
            earlier = archived.pop(place, in_force.pop(setting.id, None))
            if setting.archived:
                archived[place] = setting
            else:
                in_force[setting.id] = setting
            if isinstance(setting.body, DutySchedule) and earlier is not None:
                schedules[setting.id] = (*schedules.get(setting.id, ()), earlier.body)
            if isinstance(setting.body, Calendar):
                calendars[setting.ref] = setting.body
        changes: dict[str, Any] = {
            **by_field,
            "earlier_calendars": calendars,
            "earlier_schedules": schedules,
            "archived": archived,
        }
        return replace(self, **changes)

    def with_present_duty(self) -> "Configuration":
        """Return it with the newest version of each schedule for all times, as for a simulation."""
        schedules = {
            setting_id: replace(setting, body=replace(setting.body, from_=None))
            for setting_id, setting in self.schedules.items()
        }
        return replace(self, schedules=schedules, earlier_schedules={})

    def _by_id(self, kind: type[T]) -> Mapping[str, Versioned[T]]:
        settings: Mapping[str, Versioned[T]] = getattr(self, KIND_BY_TYPE[kind].field)
        return settings

    @cached_property
    def policies_by_precedence(self) -> list[Versioned[SlaPolicy]]:
        return sorted(self.policies.values(), key=lambda policy: precedence(policy.id, policy.body))

    @cached_property
    def raises_on_receipt(self) -> bool:
        """Tell whether any policy raises some contacts as they come in."""
        rules = (policy.body.raise_when for policy in self.policies.values())
        return any(rule.vip or rule.repeated is not None for rule in rules)

    def policy_for(self, contact: ContactDetails) -> Versioned[SlaPolicy] | None:
        """Return the policy that applies to the contact: see `precedence` and `Match.covers`."""
        facts = MATCHED_FACTS(contact)
        if facts not in self._policy_by_facts:
            if len(self._policy_by_facts) >= _MAX_REMEMBERED_POLICIES:
                self._policy_by_facts.clear()
            self._policy_by_facts[facts] = self._find_policy(contact)
        return self._policy_by_facts[facts]

    def _find_policy(self, contact: ContactDetails) -> Versioned[SlaPolicy] | None:
        covering = (
            policy for policy in self.policies_by_precedence if policy.body.match.covers(contact)
        )
        # `min` returns the first of equals.
        return min(covering, key=lambda policy: policy.body.match.preference(contact), default=None)

    @cached_property
    def _policy_by_facts(self) -> dict[object, Versioned[SlaPolicy] | None]:
        return {}

    def calendar_for(
        self, policy: SlaPolicy, contact: ContactDetails
    ) -> Versioned[Calendar] | None:
        """Return the one of the customer's region, else the policy's own."""
        calendar_id = policy.calendar_by_region.get(contact.region or "", policy.calendar_id)
        return None if calendar_id is None else self.newest(Calendar, calendar_id)

    def calendar_version(self, ref: Ref | None) -> Calendar | None:
        """Return the version by which a clock counts, also once there is a newer one."""
        if ref is None:
            return None
        return self.earlier_calendars.get(ref) or self.calendar(ref.id)

    def calendar(self, calendar_id: str) -> Calendar:
        """Return a calendar that other settings or open work refer to."""
        calendar = self.newest(Calendar, calendar_id)
        if calendar is None:
            raise KeyError(calendar_id)
        return calendar.body

    def roster(self, schedule_id: str) -> Roster:
        """Return that of a schedule that other settings or open work refer to."""
        schedule = self.newest(DutySchedule, schedule_id)
        if schedule is None:
            raise KeyError(schedule_id)
        changes = self.duty_changes.get(schedule_id)
        return Roster(
            (*self.earlier_schedules.get(schedule_id, ()), schedule.body),
            changes.body if changes else NO_CHANGES,
        )

    def ladder_for(self, ladder_id: str | None) -> Versioned[Ladder]:
        return self.newest(Ladder, ladder_id or DEFAULT_LADDER) or NO_LADDER

    @cached_property
    def rosters(self) -> Mapping[str, Roster]:
        """Who is on duty, by the id of the schedule, now and later: see `DutyHistory`."""
        return {schedule_id: self.roster(schedule_id) for schedule_id in self.schedules}

    @cached_property
    def staff(self) -> Mapping[PersonId, Person]:
        return {PersonId(person_id): person.body for person_id, person in self.people.items()}

    @cached_property
    def absences(self) -> Absences:
        return absences_of(
            self.staff,
            {
                PersonId(person_id): setting.body
                for person_id, setting in self.absences_by_person.items()
            },
        )

    def roles_represented(self, person: PersonId, at: datetime) -> frozenset[GrantingRole]:
        """Return the roles of those for whom the person stands in now."""
        represented = represented_by(person, at, self.absences) if self.has_stand_ins else ()
        return frozenset(
            "supervisor" if position == "supervisor" else "manager"
            for absent in represented
            if absent in self.staff
            for position in self.staff[absent].roles
            if position != "representative"
        )

    @cached_property
    def has_stand_ins(self) -> bool:
        return any(person.body.stand_ins for person in self.absences_by_person.values())

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

    def team_with_supervisors(self, team_id: TeamId | None) -> TeamId | None:
        """Return the team that a channel says; None if supervisors would see nothing of it."""
        return team_id if team_id and self.supervisors_of(team_id) else None

    def scope_of(self, person: PersonId) -> SupervisorScope:
        if person not in self._scopes:
            own = self.staff[person].team_id if person in self.staff else None
            # A team without a setting is supervised by those who are in it.
            teams = {*self.teams, own}
            supervised = (team for team in teams if team and person in self.supervisors_of(team))
            people = people_below(self.staff, person)
            self._scopes[person] = SupervisorScope(frozenset(supervised), people)
        return self._scopes[person]

    @cached_property
    def _scopes(self) -> dict[PersonId, SupervisorScope]:
        return {}

    def has_left(self, person: PersonId) -> bool:
        return person in self.staff and not self.staff[person].active

    def works_here(self, person: PersonId) -> bool:
        """Tell whether it is a known person who has not left."""
        return person in self.staff and self.staff[person].active

    def only_serves(self, person: PersonId) -> bool:
        """Tell whether the person is a representative and nothing else."""
        return person in self.staff and self.staff[person].roles == ("representative",)

    def require_person(self, field: str, person: PersonId) -> None:
        """Raises UnknownPersonError if nobody of this id works here."""
        if not self.works_here(person):
            raise UnknownPersonError(field, person, has_left=person in self.staff)

    def shift_end(self, level: Level, person: PersonId, at: datetime) -> datetime | None:
        """Return when the person's duty at the level ends; None if nothing ends it."""
        if NamedPerson("person", person) in level.who:
            return None
        rosters = (
            self.roster(rule.schedule_id) for rule in level.who if isinstance(rule, PersonOnDuty)
        )
        ends = [
            shift_end(roster, person, at, self.absences)
            for roster in rosters
            if person in on_duty(roster, at, self.absences)
        ]
        limited = [end for end in ends if end is not None]
        return max(limited) if limited and len(limited) == len(ends) else None

    def limit_for(self, role: Role) -> ApprovalLimit | None:
        """Return what the role may grant; None if it has no limit."""
        return limit_of(self._limit_by_role, role)

    @cached_property
    def _limit_by_role(self) -> Mapping[str, ApprovalLimit]:
        return {role: limit.body for role, limit in self.limits.items()}
