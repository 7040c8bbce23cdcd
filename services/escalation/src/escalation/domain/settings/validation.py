"""Validates a setting against the others in force."""

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from common.contracts.event import PersonId
from escalation.domain.duty import changes
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.errors import UnknownPersonError
from escalation.domain.settings.ladders import (
    Ladder,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.people import ApprovalLimit, Person, PersonAbsences, Team
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Configuration, Setting


def validate_setting(
    configuration: Configuration, setting_id: str, setting: Setting
) -> Iterator[tuple[str, str]]:
    """Yield (place, error) for each error of a setting beside the others in force."""
    match setting:
        case Ladder():
            if not setting.ends_in_named_person:
                last = len(setting.levels) - 1
                yield f"levels/{last}/who", "The last level must name a person."
        case DutySchedule():
            yield from changes.validate(setting)
        case SlaPolicy() | Calendar() | Person() | PersonAbsences() | Team() | ApprovalLimit():
            pass
        case _:
            assert_never(setting)
    for place, name in undefined_references(configuration, setting):
        yield place, f"There is no {name}."
    missing = missing_people(configuration, setting)
    if isinstance(setting, PersonAbsences):
        missing = _missing(configuration, (("absences", PersonId(setting_id)),))
    for place, person in missing:
        has_left = person in configuration.staff
        yield place, str(UnknownPersonError(place, person, has_left=has_left))


def undefined_references(
    configuration: Configuration, setting: Setting
) -> Iterator[tuple[str, str]]:
    """Yield (place, name) for each setting that is named but does not exist."""
    match setting:
        case SlaPolicy():
            yield from _undefined_in_policy(configuration, setting)
        case Ladder():
            yield from _undefined_in_ladder(configuration, setting)
        case Calendar():
            yield from setting.unknown_holidays()
        case DutySchedule():
            yield from _unknown_holidays(setting)
        case Team() | Person() | PersonAbsences() | ApprovalLimit():
            return
        case _:
            assert_never(setting)


def missing_people(
    configuration: Configuration, setting: Setting
) -> Iterator[tuple[str, PersonId]]:
    """Yield (place, person) for each person who is named but is not known or has left."""
    match setting:
        case Ladder():
            yield from _missing(configuration, _named_in_ladder(setting))
        case DutySchedule():
            yield from _missing(configuration, _members(setting))
            # Past ones may be of people who have left since.
            for place, person in _people_of_changes(setting):
                if person not in configuration.staff:
                    yield place, person
        case Team(supervisors=supervisors):
            yield from _missing(configuration, _listed("supervisors", supervisors))
        case SlaPolicy() | Calendar() | Person() | PersonAbsences() | ApprovalLimit():
            return
        case _:
            assert_never(setting)


def _missing(
    configuration: Configuration, named: Iterable[tuple[str, PersonId]]
) -> Iterator[tuple[str, PersonId]]:
    return ((place, person) for place, person in named if not configuration.works_here(person))


def _named_in_ladder(ladder: Ladder) -> Iterator[tuple[str, PersonId]]:
    for place, rule in ladder.responder_rules():
        if isinstance(rule, NamedPerson):
            yield f"{place}/person_id", rule.person_id


def _members(schedule: DutySchedule) -> Iterator[tuple[str, PersonId]]:
    for n, rotation in enumerate(schedule.rotations):
        yield from _listed(f"rotations/{n}/members", rotation.members)


def _listed(place: str, people: Sequence[PersonId]) -> Iterator[tuple[str, PersonId]]:
    return ((f"{place}/{n}", person) for n, person in enumerate(people))


def _unknown_holidays(schedule: DutySchedule) -> Iterator[tuple[str, str]]:
    if schedule.covers is not None:
        for place, name in schedule.covers.unknown_holidays():
            yield f"covers/{place}", name


def _people_of_changes(schedule: DutySchedule) -> Iterator[tuple[str, PersonId]]:
    for n, override in enumerate(schedule.overrides):
        yield f"overrides/{n}/person_id", override.person_id
    for n, swap in enumerate(schedule.swaps):
        yield f"swaps/{n}/first", swap.first
        yield f"swaps/{n}/second", swap.second


def _undefined_in_policy(
    configuration: Configuration, policy: SlaPolicy
) -> Iterator[tuple[str, str]]:
    ladders, calendars = configuration.ladders, configuration.calendars
    if policy.ladder_id not in ladders:
        yield "ladder_id", f"ladder {policy.ladder_id}"
    if policy.calendar_id is not None and policy.calendar_id not in calendars:
        yield "calendar_id", f"calendar {policy.calendar_id}"
    for region, calendar_id in policy.calendar_by_region.items():
        if calendar_id not in calendars:
            yield f"calendar_by_region/{region}", f"calendar {calendar_id}"
    for severity, ladder_id in policy.ladder_by_severity.items():
        if ladder_id not in ladders:
            yield f"ladder_by_severity/{severity}", f"ladder {ladder_id}"


def _undefined_in_ladder(configuration: Configuration, ladder: Ladder) -> Iterator[tuple[str, str]]:
    for n, level in enumerate(ladder.levels):
        if level.calendar_id is not None and level.calendar_id not in configuration.calendars:
            yield f"levels/{n}/calendar_id", f"calendar {level.calendar_id}"
    for place, rule in ladder.responder_rules():
        for name, missing in _undefined_in_rule(configuration, rule):
            yield f"{place}/{name}", missing


def _undefined_in_rule(
    configuration: Configuration, rule: ResponderRule
) -> Iterator[tuple[str, str]]:
    match rule:
        case PersonOnDuty(schedule_id=schedule_id):
            if schedule_id not in configuration.schedules:
                yield "schedule_id", f"duty schedule {schedule_id}"
        case TeamSupervisors(team_id=team_id):
            if team_id is not None and not configuration.supervisors_of(team_id):
                yield "team_id", f"team {team_id}"
        case NamedPerson() | ReportingLine():
            return
        case _:
            assert_never(rule)
