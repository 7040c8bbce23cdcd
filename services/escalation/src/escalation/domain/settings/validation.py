"""Validates a setting against the others in force."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import assert_never

from common.contracts.event import PersonId
from common.contracts.validation_messages import InvalidField
from escalation.domain.duty import coverage
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.rosters import DutyChanges
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.errors import LimitBelowError, UnknownPersonError
from escalation.domain.settings.ladders import (
    Ladder,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.people import (
    NO_GRANTS,
    ApprovalLimit,
    Person,
    PersonAbsences,
    Team,
    places_above,
)
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Configuration, Setting


def validate_setting(
    configuration: Configuration, setting_id: str, setting: Setting
) -> Iterator[InvalidField]:
    """Yield each error of a setting beside the others in force."""
    match setting:
        case Ladder():
            yield from _end_without_person(setting)
        case DutySchedule():
            yield from coverage.validate(setting)
        case ApprovalLimit():
            yield from _above_managers(configuration, setting_id, setting)
        case SlaPolicy():
            yield from _thresholds_before_start(setting)
        case Calendar() | DutyChanges() | Person() | PersonAbsences() | Team():
            pass
        case _:
            assert_never(setting)
    for place, name, unknown in undefined_references(configuration, setting):
        yield InvalidField(place, f"There is no {name}.", "unknown-name", {"id": unknown})
    for place, person in missing_people(configuration, setting_id, setting):
        has_left = person in configuration.staff
        yield UnknownPersonError(place, person, has_left=has_left).as_field


def _above_managers(
    configuration: Configuration, role: str, limit: ApprovalLimit
) -> Iterator[InvalidField]:
    """Without a limit managers may grant nothing, so supervisors neither."""
    if role != "supervisor":
        return
    managers = configuration.limits.get("manager")
    missing = "" if managers else ", which has none yet: an admin puts that first"
    for place in places_above(limit, managers.body if managers else NO_GRANTS):
        detail = f"It allows more than the limit of the role manager{missing}."
        code = "above-managers" if managers else "managers-without-limit"
        yield InvalidField(place, detail, code)


def _unable_stand_ins(
    configuration: Configuration, person_id: str, setting: PersonAbsences
) -> Iterator[InvalidField]:
    for place, stand_in in setting.named_stand_ins():
        if stand_in == person_id:
            yield InvalidField(place, "Nobody stands in for themselves.", "same-person")
        elif configuration.only_serves(stand_in):
            detail = f"{stand_in} is a representative, and may not act on escalations."
            yield InvalidField(place, detail, "stand-in-cannot-act", {"person_id": stand_in})


def invalid_absences(
    configuration: Configuration, person_id: str, setting: PersonAbsences, at: datetime
) -> Iterator[InvalidField]:
    """Yield what is wrong with absences that are put now; what was there before may be over."""
    yield from _unable_stand_ins(configuration, person_id, setting)
    current = configuration.get(PersonAbsences, person_id)
    before = current.body if current else None
    for n, absence in setting.added_to(before):
        if absence.until <= at:
            detail = "It is over, and the past stays as it was."
            yield InvalidField(f"absences/{n}/until", detail, "in-the-past")


def require_not_below(configuration: Configuration, setting_id: str, setting: Setting) -> None:
    """Refuse a limit of managers that is less than the one in force of supervisors.

    Raises LimitBelowError.
    """
    supervisors = configuration.limits.get("supervisor")
    if setting_id != "manager" or not isinstance(setting, ApprovalLimit) or supervisors is None:
        return
    if places := list(places_above(supervisors.body, setting)):
        raise LimitBelowError(places)


def _end_without_person(ladder: Ladder) -> Iterator[InvalidField]:
    if not ladder.ends_in_named_person:
        place = f"levels/{len(ladder.levels) - 1}/who"
        yield InvalidField(place, "The last level must name a person.", "last-level-without-person")


def _thresholds_before_start(policy: SlaPolicy) -> Iterator[InvalidField]:
    for n, target in enumerate(policy.targets):
        for m in target.thresholds_before_start():
            yield InvalidField(
                f"targets/{n}/thresholds/{m}/offset_s",
                f"That is before the clock starts: the whole target is {target.target_s:g} s.",
                "before-start",
                {"target_s": target.target_s},
            )


def undefined_references(
    configuration: Configuration, setting: Setting
) -> Iterator[tuple[str, str, str]]:
    """Yield (place, name, id) for each setting that is named but does not exist."""
    match setting:
        case SlaPolicy():
            yield from _undefined_in_policy(configuration, setting)
        case Ladder():
            yield from _undefined_in_ladder(configuration, setting)
        case Calendar():
            yield from setting.unknown_holidays()
        case DutySchedule():
            yield from _unknown_holidays(setting)
        case Team() | Person() | PersonAbsences() | ApprovalLimit() | DutyChanges():
            return
        case _:
            assert_never(setting)


def missing_people(
    configuration: Configuration, setting_id: str, setting: Setting
) -> Iterator[tuple[str, PersonId]]:
    """Yield (place, person) for each person who is named but is not known or has left."""
    for place, person in named_people(setting_id, setting):
        if not configuration.works_here(person):
            yield place, person


def named_people(setting_id: str, setting: Setting) -> Iterator[tuple[str, PersonId]]:
    """Yield (place, person) for each person whom the setting names."""
    match setting:
        case Ladder():
            yield from _named_in_ladder(setting)
        case DutySchedule():
            yield from _members(setting)
        case Team(supervisors=supervisors):
            yield from _listed("supervisors", supervisors)
        case PersonAbsences():
            yield "absences", PersonId(setting_id)
            yield from setting.named_stand_ins()
        case SlaPolicy() | Calendar() | DutyChanges() | Person() | ApprovalLimit():
            return
        case _:
            assert_never(setting)


def _named_in_ladder(ladder: Ladder) -> Iterator[tuple[str, PersonId]]:
    for place, rule in ladder.responder_rules():
        if isinstance(rule, NamedPerson):
            yield f"{place}/person_id", rule.person_id


def _members(schedule: DutySchedule) -> Iterator[tuple[str, PersonId]]:
    for n, rotation in enumerate(schedule.rotations):
        yield from _listed(f"rotations/{n}/members", rotation.members)


def _listed(place: str, people: Sequence[PersonId]) -> Iterator[tuple[str, PersonId]]:
    return ((f"{place}/{n}", person) for n, person in enumerate(people))


def _unknown_holidays(schedule: DutySchedule) -> Iterator[tuple[str, str, str]]:
    if schedule.covers is not None:
        for place, name, unknown in schedule.covers.unknown_holidays():
            yield f"covers/{place}", name, unknown


def _undefined_in_policy(
    configuration: Configuration, policy: SlaPolicy
) -> Iterator[tuple[str, str, str]]:
    ladders, calendars = configuration.ladders, configuration.calendars
    if policy.ladder_id not in ladders:
        yield "ladder_id", f"ladder {policy.ladder_id}", policy.ladder_id
    if policy.calendar_id is not None and policy.calendar_id not in calendars:
        yield "calendar_id", f"calendar {policy.calendar_id}", policy.calendar_id
    for region, calendar_id in policy.calendar_by_region.items():
        if calendar_id not in calendars:
            yield f"calendar_by_region/{region}", f"calendar {calendar_id}", calendar_id
    for severity, ladder_id in policy.ladder_by_severity.items():
        if ladder_id not in ladders:
            yield f"ladder_by_severity/{severity}", f"ladder {ladder_id}", ladder_id


def _undefined_in_ladder(
    configuration: Configuration, ladder: Ladder
) -> Iterator[tuple[str, str, str]]:
    for n, level in enumerate(ladder.levels):
        if level.calendar_id is not None and level.calendar_id not in configuration.calendars:
            yield f"levels/{n}/calendar_id", f"calendar {level.calendar_id}", level.calendar_id
    for place, rule in ladder.responder_rules():
        for part, name, missing in _undefined_in_rule(configuration, rule):
            yield f"{place}/{part}", name, missing


def _undefined_in_rule(
    configuration: Configuration, rule: ResponderRule
) -> Iterator[tuple[str, str, str]]:
    match rule:
        case PersonOnDuty(schedule_id=schedule_id):
            if schedule_id not in configuration.schedules:
                yield "schedule_id", f"duty schedule {schedule_id}", schedule_id
        case TeamSupervisors(team_id=team_id):
            if team_id is not None and not configuration.supervisors_of(team_id):
                yield "team_id", f"team {team_id}", team_id
        case NamedPerson() | ReportingLine():
            return
        case _:
            assert_never(rule)
