"""Whom a level means at the moment at which it is reached, and why not those it does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.duty.schedules import holds, on_duty
from escalation.domain.model import Escalation
from escalation.domain.settings.ladders import (
    Level,
    Named,
    OnDuty,
    ReportingLine,
    TeamSupervisors,
    Who,
)
from escalation.domain.settings.people import line_above
from escalation.domain.situation import Situation
from escalation.domain.values import replace


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a level means, each once, and why it means nobody by some of its entries."""

    people: tuple[PersonId, ...]
    nobody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Landing:
    """Where an escalation goes next: whom it asks there, and why not those before.

    `asked_before` had their turn there, and may still answer.
    """

    level: int
    people: tuple[PersonId, ...]
    passed: tuple[str, ...]
    asked_before: tuple[PersonId, ...] = ()


def find(situation: Situation, level: Level) -> Found:
    absences = situation.configuration.absences
    people: dict[PersonId, None] = {}
    nobody: list[str] = []
    for who in level.who:
        match _meant(situation, level, who):
            case str() as why:
                nobody.append(why)
            case meant:
                present = [one for one in meant if not holds(absences.get(one, ()), situation.at)]
                people |= dict.fromkeys(present)
                if not present:
                    nobody.append(f"{level.name}: {_absent(meant)}")
    return Found(tuple(people), tuple(dict.fromkeys(nobody)))


def _meant(situation: Situation, level: Level, who: Who) -> tuple[PersonId, ...] | str:
    """Return those whom the entry means, whether absent or not, or why there is nobody."""
    configuration = situation.configuration
    match who:
        case Named(person_id=person_id):
            return (person_id,)
        case OnDuty(schedule_id=schedule_id):
            schedule = configuration.schedules[schedule_id].body
            on = on_duty(schedule, situation.at, configuration.absences)
            return on or f"nobody on duty at {level.name}"
        case ReportingLine(steps=steps):
            return _superior(situation, steps) or f"{level.name}: {_no_superior(situation)}"
        case TeamSupervisors(team_id=team_id):
            named = team_id or situation.watch.team_id
            team = configuration.teams.get(named) if named else None
            missing = f"team {named} is not known" if named else "no team yet"
            return team.body.supervisors if team else f"{level.name}: {missing}"
        case _:
            assert_never(who)


def _superior(situation: Situation, steps: int) -> tuple[PersonId, ...]:
    return tuple(_line(situation)[steps - 1 : steps])


def _no_superior(situation: Situation) -> str:
    representative = situation.watch.representative_id
    if representative is None:
        return "no representative yet"
    return f"{[representative, *_line(situation)][-1]} has no superior"


def _line(situation: Situation) -> list[PersonId]:
    representative = situation.watch.representative_id
    return line_above(situation.configuration.staff, representative) if representative else []


def _absent(people: tuple[PersonId, ...]) -> str:
    return (
        f"{people[0]} is absent" if len(people) == 1 else f"all absent ({wording.people(people)})"
    )


def may_act(escalation: Escalation, person: PersonId) -> bool:
    """Tell whether the person may do anything with it: nobody settles a complaint about oneself."""
    return person not in complained_about(escalation)


def complained_about(escalation: Escalation) -> frozenset[PersonId]:
    return frozenset(reason.about for reason in escalation.reasons if reason.about is not None)


def partial_to(situation: Situation, escalation: Escalation) -> frozenset[PersonId]:
    """Return the supervisors of those complained about: they do not judge it alone."""
    about = complained_about(escalation)
    if not about:
        return frozenset()
    configuration, watch = situation.configuration, situation.watch
    team = configuration.teams.get(watch.team_id) if watch.team_id else None
    lines = (line_above(configuration.staff, person) for person in about)
    superiors = frozenset(line[0] for line in lines if line)
    return superiors.union(team.body.supervisors if team else ())


def unfit(situation: Situation, escalation: Escalation) -> tuple[PersonId, ...]:
    """Return those who have it or are asked, if none of them may judge all that it is about.

    What somebody asks to grant is judged by that one too, to whom it comes back.
    """
    excluded = complained_about(escalation) | partial_to(situation, escalation)
    approval = escalation.approval
    if approval is not None and approval.asked_by in excluded:
        return (approval.asked_by,)
    concerned = escalation.awaited if escalation.holder is None else (escalation.holder,)
    return concerned if excluded.issuperset(concerned) else ()


def people_at(situation: Situation, escalation: Escalation, n: int) -> tuple[PersonId, ...]:
    """Return whom a level means now, less those who may do nothing with it."""
    meant = find(situation, _levels(escalation)[n]).people
    return tuple(person for person in meant if may_act(escalation, person))


def above(situation: Situation, escalation: Escalation) -> Landing | None:
    """Return the next level with somebody who was not just asked, if there is one."""
    if escalation.ladder is None:
        return None
    passed: tuple[str, ...] = ()
    # A level where nobody was on duty has not had its turn yet.
    first = escalation.level + 1 if escalation.awaited else escalation.level
    for n in range(first, len(escalation.ladder.body.levels)):
        landing = landing_at(situation, escalation, n)
        passed += landing.passed
        if landing.people:
            return replace(landing, passed=passed)
    return None


def at_or_below(situation: Situation, escalation: Escalation) -> Landing:
    """Return the level again, or the nearest below that has somebody, also who was just asked."""
    levels = () if escalation.ladder is None else escalation.ladder.body.levels
    anew = replace(escalation, awaited=())
    passed: tuple[str, ...] = ()
    for n in range(min(escalation.level, len(levels) - 1), -1, -1):
        landing = landing_at(situation, anew, n)
        if landing.people:
            return replace(landing, passed=passed)
        passed += landing.passed
    return Landing(escalation.level, (), passed)


def landing_at(situation: Situation, escalation: Escalation, n: int) -> Landing:
    """Return whom to ask next at a level: all who were not just asked, or the first in turn."""
    level = _levels(escalation)[n]
    found = find(situation, level)
    able = tuple(person for person in found.people if may_act(escalation, person))
    people = _not_asked(escalation, able)
    if not people:
        return Landing(n, (), _why_nobody(level, found, able))
    if level.ask == "in_turn":
        people = people[:1]
    if partial_to(situation, escalation).issuperset(people):
        return _joined(situation, escalation, Landing(n, people, ()))
    return Landing(n, people, ())


def _why_nobody(level: Level, found: Found, able: tuple[PersonId, ...]) -> tuple[str, ...]:
    if able:
        return (f"only {wording.people(able)} at {level.name}",)
    if found.people:
        concerned = wording.people(found.people)
        return (f"only {concerned} at {level.name}, about whom the complaint is",)
    return found.nobody


def _joined(situation: Situation, escalation: Escalation, landing: Landing) -> Landing:
    """Let those of a level above be asked with a supervisor who may not judge alone."""
    partial = partial_to(situation, escalation)
    alone = f"{wording.people(landing.people)} may not judge one's own representative alone"
    for n in range(landing.level, len(_levels(escalation))):
        able = _not_asked(escalation, people_at(situation, escalation, n))
        others = tuple(person for person in able if person not in partial)
        if others:
            told = f"{alone}: {wording.people(others)} asked too"
            return Landing(landing.level, (*landing.people, *others), (told,))
    return Landing(landing.level, (), (alone,))


def _not_asked(escalation: Escalation, people: Iterable[PersonId]) -> tuple[PersonId, ...]:
    return tuple(person for person in people if person not in escalation.awaited)


def _levels(escalation: Escalation) -> tuple[Level, ...]:
    return () if escalation.ladder is None else escalation.ladder.body.levels
