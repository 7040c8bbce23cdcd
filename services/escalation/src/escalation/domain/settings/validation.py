"""Validates a setting against the others in force."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from common.contracts.event import PersonId
from escalation.domain.duty import coverage
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.rosters import DutyChanges
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.settings.ladders import (
    Ladder,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.people import ApprovalLimit, Person, Team, find_cycle
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Configuration, Setting


def validate_setting(
    configuration: Configuration, setting_id: str, setting: Setting
) -> Iterator[tuple[str, str]]:
    """Yield (place, error) for each error of a setting beside the others in force."""
    match setting:
        case Person(reports_to=superior):
            staff = configuration.staff
            if superior and (cycle := find_cycle(staff, PersonId(setting_id), superior)):
                yield "reports_to", f"That would be a cycle: {' → '.join(cycle)}."
        case Ladder():
            if not setting.ends_in_named_person:
                last = len(setting.levels) - 1
                yield f"levels/{last}/who", "The last level must name a person."
        case DutySchedule():
            yield from coverage.validate(setting)
        case SlaPolicy() | Calendar() | DutyChanges() | Team() | ApprovalLimit():
            pass
        case _:
            assert_never(setting)
    for place, name in undefined_references(configuration, setting):
        yield place, f"There is no {name}."


def undefined_references(
    configuration: Configuration, setting: Setting
) -> Iterator[tuple[str, str]]:
    """Yield (place, name) for each setting that is named but does not exist."""
    match setting:
        case SlaPolicy():
            yield from _undefined_in_policy(configuration, setting)
        case Ladder():
            yield from _undefined_in_ladder(configuration, setting)
        case Person(reports_to=superior) if superior not in (None, *configuration.people):
            yield "reports_to", f"person {superior}"
        case Calendar():
            yield from setting.unknown_holidays()
        case DutySchedule():
            yield from _undefined_in_schedule(configuration, setting)
        case Team(supervisors=supervisors):
            yield from _unknown_people(configuration, "supervisors", supervisors)
        case Person() | ApprovalLimit() | DutyChanges():
            return
        case _:
            assert_never(setting)


def _unknown_people(
    configuration: Configuration, place: str, people: Sequence[PersonId]
) -> Iterator[tuple[str, str]]:
    for n, person in enumerate(people):
        if not configuration.works_here(person):
            yield f"{place}/{n}", f"person {person}"


def _undefined_in_schedule(
    configuration: Configuration, schedule: DutySchedule
) -> Iterator[tuple[str, str]]:
    if schedule.covers is not None:
        for place, name in schedule.covers.unknown_holidays():
            yield f"covers/{place}", name
    for n, rotation in enumerate(schedule.rotations):
        yield from _unknown_people(configuration, f"rotations/{n}/members", rotation.members)


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
            if team_id is not None and team_id not in configuration.teams:
                yield "team_id", f"team {team_id}"
        case NamedPerson(person_id=person_id):
            if not configuration.works_here(person_id):
                yield "person_id", f"person {person_id}"
        case ReportingLine():
            return
        case _:
            assert_never(rule)
