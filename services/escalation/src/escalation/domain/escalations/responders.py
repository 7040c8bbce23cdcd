"""The people of a level at the moment it is reached, and why some entries yield nobody."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.duty.rosters import on_duty
from escalation.domain.duty.windows import contains
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
    vacancies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NextStop:
    """Where an escalation goes next: the people to page there, and why others are skipped.

    `paged_before` had their turn at this level, and may still answer.
    """

    level: int
    people: tuple[PersonId, ...] = ()
    skipped: tuple[str, ...] = ()
    paged_before: tuple[PersonId, ...] = ()


def find_responders(situation: Situation, level: Level) -> Responders:
    absences = situation.configuration.absences
    people: dict[PersonId, None] = {}
    vacancies: dict[str, None] = {}
    for rule in level.who:
        responders = _apply_rule(situation, level, rule)
        present = [
            person
            for person in responders.people
            if not contains(absences.get(person, ()), situation.at)
        ]
        people |= dict.fromkeys(present)
        vacancies |= dict.fromkeys(responders.vacancies)
        if responders.people and not present:
            vacancies[f"{level.name}: {_absent(situation, responders.people)}"] = None
    return Responders(tuple(people), tuple(vacancies))


def _apply_rule(situation: Situation, level: Level, rule: ResponderRule) -> Responders:
    """Return the people of the rule, present or absent, or why there is nobody."""
    configuration = situation.configuration
    match rule:
        case NamedPerson(person_id=person_id):
            return Responders((person_id,))
        case PersonOnDuty(schedule_id=schedule_id):
            roster = configuration.roster(schedule_id)
            people = on_duty(roster, situation.at, configuration.absences)
            return _people_or(people, f"nobody on duty at {level.name}")
        case ReportingLine(steps=steps):
            people = tuple(_line(situation)[steps - 1 : steps])
            return _people_or(people, f"{level.name}: {_no_superior(situation)}")
        case TeamSupervisors(team_id=team_id):
            team_id = team_id or situation.contact.team_id
            people = configuration.supervisors_of(team_id) if team_id else ()
            missing = f"team {team_id} is not known" if team_id else "no team yet"
            return _people_or(people, f"{level.name}: {missing}")
        case _:
            assert_never(rule)


def _people_or(people: tuple[PersonId, ...], vacancy: str) -> Responders:
    return Responders(people) if people else Responders((), (vacancy,))


def _no_superior(situation: Situation) -> str:
    representative = situation.contact.representative_id
    if representative is None:
        return "no representative yet"
    return f"{[representative, *_line(situation)][-1]} has no superior"


def _line(situation: Situation) -> list[PersonId]:
    representative = situation.contact.representative_id
    return reporting_line(situation.configuration.staff, representative) if representative else []


def _absent(situation: Situation, people: tuple[PersonId, ...]) -> str:
    if len(people) == 1:
        return situation.configuration.absence_text(people[0])
    return f"all absent ({wording.people(people)})"


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
    return tuple(person for person in responders.people if may_act(escalation, person))


def next_level(situation: Situation, escalation: Escalation) -> NextStop | None:
    """Return the next level with somebody who was not just paged, if there is one."""
    skipped: tuple[str, ...] = ()
    # A level where nobody was on duty has not had its turn yet.
    first = escalation.level + 1 if escalation.awaited else escalation.level
    for level in range(first, len(escalation.levels)):
        stop = stop_at(situation, escalation, level)
        skipped += stop.skipped
        if stop.people:
            return replace(stop, skipped=skipped)
    return None


def nearest_level(situation: Situation, escalation: Escalation) -> NextStop:
    """Return the level again, or the nearest below with people, also if they were just paged."""
    unpaged = replace(escalation, awaited=())
    skipped: tuple[str, ...] = ()
    for level in range(min(escalation.level, len(escalation.levels) - 1), -1, -1):
        stop = stop_at(situation, unpaged, level)
        if stop.people:
            return replace(stop, skipped=skipped)
        skipped += stop.skipped
    return NextStop(escalation.level, skipped=skipped)


def stop_at(situation: Situation, escalation: Escalation, n: int) -> NextStop:
    """Return whom to page at a level: all who were not just paged, or the first of them in turn."""
    if not escalation.levels:
        return NextStop(n)
    level = escalation.levels[n]
    responders = find_responders(situation, level)
    eligible = tuple(person for person in responders.people if may_act(escalation, person))
    people = _not_paged(escalation, eligible)
    if not people:
        return NextStop(n, skipped=_why_nobody(level, responders, eligible))
    if level.ask == "in_turn":
        people = people[:1]
    if line_managers_of_accused(escalation).issuperset(people):
        return with_independent(situation, escalation, NextStop(n, people))
    return NextStop(n, people)


def _why_nobody(
    level: Level, responders: Responders, eligible: tuple[PersonId, ...]
) -> tuple[str, ...]:
    if eligible:
        return (f"only {wording.people(eligible)} at {level.name}",)
    if responders.people:
        concerned = wording.people(responders.people)
        return (f"only {concerned} at {level.name}, about whom the complaint is",)
    return responders.vacancies


def with_independent(situation: Situation, escalation: Escalation, stop: NextStop) -> NextStop:
    """Add the people of a higher level, since line managers may not judge a complaint alone."""
    conflicted = line_managers_of_accused(escalation)
    conflict = f"{wording.people(stop.people)} may not judge their own representative alone"
    for level in range(stop.level, len(escalation.levels)):
        eligible = _not_paged(escalation, people_at(situation, escalation, level))
        independent = tuple(person for person in eligible if person not in conflicted)
        if independent:
            explanation = f"{conflict}: {wording.people(independent)} asked too"
            return NextStop(stop.level, (*stop.people, *independent), (explanation,))
    return NextStop(stop.level, skipped=(conflict,))


def _not_paged(escalation: Escalation, people: Iterable[PersonId]) -> tuple[PersonId, ...]:
    return tuple(person for person in people if person not in escalation.awaited)
