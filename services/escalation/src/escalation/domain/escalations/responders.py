"""The people of a level at the moment it is reached, and why some entries yield nobody."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from msgspec import structs

from common.contracts.event import PersonId
from common.contracts.page_subjects import PagedAbsence
from common.contracts.vacancies import Vacancy, VacancyCode
from escalation.domain.duty.rosters import on_duty, planned_people
from escalation.domain.duty.stand_ins import absence_at, acting_for, all_acting_for
from escalation.domain.model import Escalation
from escalation.domain.settings.ladders import (
    Level,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.people import reporting_line
from escalation.domain.situation import Situation


@dataclass(frozen=True, slots=True)
class Responders:
    """The people of a level, each once, and why some of its rules yield nobody."""

    people: tuple[PersonId, ...]
    vacancies: tuple[Vacancy, ...] = ()


@dataclass(frozen=True, slots=True)
class NextStop:
    """Where an escalation goes next: the people to page there, and why others are not.

    `paged_before` had their turn at this level, and may still answer. `absence`: in whose place
    they are asked, where no level says so.
    """

    level: int
    people: tuple[PersonId, ...] = ()
    vacancies: tuple[Vacancy, ...] = ()
    paged_before: tuple[PersonId, ...] = ()
    absence: PagedAbsence | None = None


def find_responders(situation: Situation, level: Level) -> Responders:
    """Return the people of the level; stand-ins in place of those who are absent."""
    absences = situation.configuration.absences
    people: dict[PersonId, None] = {}
    vacancies: dict[Vacancy, None] = {}
    for rule in level.who:
        responders = _apply_rule(situation, level, rule)
        acting = all_acting_for(responders.people, situation.at, absences)
        people |= dict.fromkeys(acting)
        vacancies |= dict.fromkeys(responders.vacancies)
        if responders.people and not acting:
            vacancies[_absence(situation, level, responders.people)] = None
    return Responders(tuple(people), tuple(vacancies))


def _apply_rule(situation: Situation, level: Level, rule: ResponderRule) -> Responders:
    """Return the people of the rule, present or absent, or why there is nobody."""
    configuration = situation.configuration
    match rule:
        case NamedPerson(person_id=person_id):
            return Responders((person_id,))
        case PersonOnDuty(schedule_id=schedule_id):
            absences = configuration.absences
            planned = planned_people(configuration.roster(schedule_id), situation.at, absences)
            people = planned if all_acting_for(planned, situation.at, absences) else ()
            vacancy = _vacancy("nobody-on-duty", level, setting_id=schedule_id)
            return _people_or(people, vacancy)
        case ReportingLine(steps=steps):
            people = tuple(_line(situation)[steps - 1 : steps])
            return _people_or(people, _no_superior(situation, level))
        case TeamSupervisors(team_id=team_id):
            team_id = team_id or situation.contact.team_id
            people = configuration.supervisors_of(team_id) if team_id else ()
            code: VacancyCode = "team-unknown" if team_id else "no-team"
            return _people_or(people, _vacancy(code, level, setting_id=team_id))
        case _:
            assert_never(rule)


def is_on_duty(situation: Situation, level: Level, person: PersonId) -> bool:
    """Return whether a rule of the level asks who is on duty, and that is the person now."""
    configuration = situation.configuration
    return any(
        person
        in on_duty(configuration.roster(rule.schedule_id), situation.at, configuration.absences)
        for rule in level.who
        if isinstance(rule, PersonOnDuty)
    )


def absence_behind(
    situation: Situation, levels: Iterable[Level], person: PersonId
) -> PagedAbsence | None:
    """Say in whose place the levels ask the person, if not in their own right.

    Of who is asked though absent, since nobody can stand in, it is the own absence.
    """
    if not situation.configuration.has_stand_ins:
        return None
    at, absences = situation.at, situation.configuration.absences
    planned = [
        planned
        for level in levels
        for rule in level.who
        for planned in _apply_rule(situation, level, rule).people
        if acting_for(planned, at, absences) == person
    ]
    if not planned:
        return None
    # The own right goes first.
    meant = person if person in planned else planned[0]
    absence = absence_at(meant, at, absences)
    return None if absence is None else PagedAbsence(person_id=meant, until=absence.until)


def in_place_of(situation: Situation, person: PersonId) -> tuple[PersonId, PagedAbsence | None]:
    """Return who is asked where this person is meant, and the absence if it has a stand-in."""
    at, absences = situation.at, situation.configuration.absences
    absence = absence_at(person, at, absences)
    if absence is None or absence.stand_in is None:
        return person, None
    acting = acting_for(person, at, absences) or person
    return acting, PagedAbsence(person_id=person, until=absence.until)


def _people_or(people: tuple[PersonId, ...], vacancy: Vacancy) -> Responders:
    return Responders(people) if people else Responders((), (vacancy,))


def _vacancy(
    code: VacancyCode,
    level: Level,
    people: tuple[PersonId, ...] = (),
    *,
    setting_id: str | None = None,
) -> Vacancy:
    return Vacancy(code=code, level_name=level.name, people=people, setting_id=setting_id)


def _no_superior(situation: Situation, level: Level) -> Vacancy:
    representative = situation.contact.representative_id
    if representative is None:
        return _vacancy("no-representative", level)
    return _vacancy("no-superior", level, ([representative, *_line(situation)][-1],))


def _line(situation: Situation) -> list[PersonId]:
    representative = situation.contact.representative_id
    return reporting_line(situation.configuration.staff, representative) if representative else []


def _absence(situation: Situation, level: Level, people: tuple[PersonId, ...]) -> Vacancy:
    if len(people) == 1:
        return absence(situation, level, people[0])
    return _vacancy("absent", level, people)


def absence(situation: Situation, level: Level, person: PersonId) -> Vacancy:
    """Say why a person who is not asked is not there."""
    has_left = situation.configuration.has_left(person)
    return _vacancy("has-left" if has_left else "absent", level, (person,))


def complaint_about(level: Level, people: tuple[PersonId, ...]) -> Vacancy:
    return _vacancy("complaint-about", level, people)


def may_act(escalation: Escalation, person: PersonId) -> bool:
    """Tell whether the person may act on it: nobody decides on a complaint about themselves."""
    return person not in accused(escalation)


def accused(escalation: Escalation) -> frozenset[PersonId]:
    """Return the people about whom a complaint is open or upheld."""
    return frozenset(
        complaint.about
        for complaint in escalation.complaints
        if complaint.state in ("open", "upheld")
    )


def line_managers_of(situation: Situation, person: PersonId) -> tuple[PersonId, ...]:
    """Return the person's superior and the supervisors of the contact's team."""
    configuration, team_id = situation.configuration, situation.contact.team_id
    superior = reporting_line(configuration.staff, person)[:1]
    supervisors = configuration.supervisors_of(team_id) if team_id else ()
    return tuple(dict.fromkeys((*superior, *supervisors)))


def line_managers_of_accused(escalation: Escalation) -> frozenset[PersonId]:
    """Return the line managers of the accused when they were accused: they do not judge it alone.

    Of that time: who moves people later does not become independent.
    """
    return frozenset(
        manager
        for complaint in escalation.complaints
        if complaint.state in ("open", "upheld")
        for manager in complaint.line_managers
    )


def conflicted_only(escalation: Escalation) -> tuple[PersonId, ...]:
    """Return the holder or the awaited if none of them may judge it, else nobody.

    A request for approval stays with the people asked, unless the complaints are about all of them.
    """
    excluded = accused(escalation)
    if escalation.approval is None:
        excluded |= line_managers_of_accused(escalation)
    concerned = escalation.awaited if escalation.holder is None else (escalation.holder,)
    return concerned if excluded.issuperset(concerned) else ()


def people_at(situation: Situation, escalation: Escalation, level: int) -> tuple[PersonId, ...]:
    """Return the people of a level who may act on it."""
    responders = find_responders(situation, escalation.levels[level])
    return _eligible(situation, escalation, escalation.levels[level], responders)


def _eligible(
    situation: Situation, escalation: Escalation, level: Level, responders: Responders
) -> tuple[PersonId, ...]:
    """Leave out whom a complaint is about, and who would only be asked in their place."""
    barred = accused(escalation)
    return tuple(
        person
        for person in responders.people
        if may_act(escalation, person)
        and not (
            barred
            and (absence := absence_behind(situation, (level,), person)) is not None
            and absence.person_id in barred
        )
    )


def next_level(situation: Situation, escalation: Escalation) -> NextStop | None:
    """Return the next level with somebody who was not just paged, if there is one."""
    vacancies: tuple[Vacancy, ...] = ()
    # A level where nobody was on duty has not had its turn yet.
    first = escalation.level + 1 if escalation.awaited else escalation.level
    for level in range(first, len(escalation.levels)):
        stop = stop_at(situation, escalation, level)
        vacancies += stop.vacancies
        if stop.people:
            return replace(stop, vacancies=vacancies)
    return None


def nearest_level(situation: Situation, escalation: Escalation) -> NextStop:
    """Return the level again, or the nearest below with people, also if they were just paged."""
    unpaged = replace(escalation, awaited=())
    vacancies: tuple[Vacancy, ...] = ()
    for level in range(min(escalation.level, len(escalation.levels) - 1), -1, -1):
        stop = stop_at(situation, unpaged, level)
        if stop.people:
            return replace(stop, vacancies=vacancies)
        vacancies += stop.vacancies
    return NextStop(escalation.level, vacancies=vacancies)


def stop_at(situation: Situation, escalation: Escalation, n: int) -> NextStop:
    """Return whom to page at a level: all who were not just paged, or the first of them in turn."""
    if not escalation.levels:
        return NextStop(n)
    level = escalation.levels[n]
    responders = find_responders(situation, level)
    eligible = _eligible(situation, escalation, level, responders)
    people = _not_paged(escalation, eligible)
    if not people:
        return NextStop(n, vacancies=_why_nobody(level, responders, eligible))
    if level.ask == "in_turn":
        people = people[:1]
    if line_managers_of_accused(escalation).issuperset(people):
        return with_independent(situation, escalation, NextStop(n, people))
    return NextStop(n, people)


def _why_nobody(
    level: Level, responders: Responders, eligible: tuple[PersonId, ...]
) -> tuple[Vacancy, ...]:
    if eligible:
        return (_vacancy("asked-already", level, eligible),)
    if responders.people:
        return (complaint_about(level, responders.people),)
    return responders.vacancies


def with_independent(situation: Situation, escalation: Escalation, stop: NextStop) -> NextStop:
    """Add the people of a higher level, since line managers may not judge a complaint alone."""
    conflicted = line_managers_of_accused(escalation)
    conflict = _vacancy("line-managers", escalation.levels[stop.level], stop.people)
    for level in range(stop.level, len(escalation.levels)):
        eligible = _not_paged(escalation, people_at(situation, escalation, level))
        independent = tuple(person for person in eligible if person not in conflicted)
        if independent:
            solved = structs.replace(conflict, also_asked=independent)
            return NextStop(stop.level, (*stop.people, *independent), (solved,))
    return NextStop(stop.level, vacancies=(conflict,))


def _not_paged(escalation: Escalation, people: Iterable[PersonId]) -> tuple[PersonId, ...]:
    return tuple(person for person in people if person not in escalation.awaited)
