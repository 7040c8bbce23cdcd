"""Who would be asked at each level of a ladder, and who is skipped and why."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from msgspec import structs

from common.contracts.event import ContactId, PersonId, TeamId
from common.contracts.vacancies import Vacancy
from escalation.domain.escalations.responders import (
    absence,
    absence_behind,
    accused,
    complaint_about,
    find_responders,
)
from escalation.domain.model import TrackedContact
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    NamedPerson,
    PersonOnDuty,
    ReportingLine,
    ResponderRule,
    TeamSupervisors,
)
from escalation.domain.settings.registry import Configuration
from escalation.domain.situation import Situation

RuleKind = Literal["duty", "person", "reporting_line", "team_supervisors"]
_NO_CONTACT = ContactId("00000000-0000-0000-0000-000000000000")


@dataclass(frozen=True, slots=True)
class PersonAsked:
    """A person whom the level would ask, in this order, and the rule that names the person.

    `setting_id` is the duty schedule or the team of that rule. Who `stands_in` has the turn of
    somebody else, by an override or a swap, or of somebody absent.
    """

    person_id: PersonId
    reason: str
    rule: RuleKind
    setting_id: str | None = None
    stands_in: bool = False
    on_duty_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LevelPreview:
    """The people of a level at a time; without any the escalation passes the level at once."""

    level: int
    people: tuple[PersonAsked, ...]
    vacancies: tuple[Vacancy, ...]


def preview(
    configuration: Configuration,
    ladder: Ladder,
    at: datetime,
    representative_id: PersonId | None = None,
    team_id: TeamId | None = None,
) -> list[LevelPreview]:
    """Return who would be asked for a contact of the representative and the team, level by level.

    It is as the settings are now: complaints about people, which bar them, are not considered.
    """
    contact = TrackedContact(_NO_CONTACT, representative_id=representative_id, team_id=team_id)
    return preview_for(Situation(contact, None, configuration, at), ladder)


def preview_for(situation: Situation, ladder: Ladder) -> list[LevelPreview]:
    """Return who would be asked, level by level; not whom a complaint about them bars."""
    present = replace(situation.configuration, absences_by_person={})
    planned = structs.replace(situation, configuration=present)
    return [_preview_level(situation, planned, n, level) for n, level in enumerate(ladder.levels)]


def _preview_level(situation: Situation, planned: Situation, n: int, level: Level) -> LevelPreview:
    """`planned` is the situation if nobody were absent."""
    barred = accused(situation.escalation) if situation.escalation else frozenset()
    people: dict[PersonId, PersonAsked] = {}
    vacancies: dict[Vacancy, None] = {}
    for rule in level.who:
        only = replace(level, who=(rule,))
        responders = find_responders(situation, only)
        for person in responders.people:
            if person in barred:
                vacancies[complaint_about(level, (person,))] = None
            else:
                people.setdefault(person, _person_asked(situation, only, rule, person))
        for person in find_responders(planned, only).people:
            if person not in responders.people and person in situation.configuration.absences:
                vacancies[absence(situation, level, person)] = None
        if not responders.people:
            vacancies |= dict.fromkeys(responders.vacancies)
    return LevelPreview(n, tuple(people.values()), tuple(vacancies))


def _person_asked(
    situation: Situation, level: Level, rule: ResponderRule, person: PersonId
) -> PersonAsked:
    """`level` has this rule only."""
    stands_in, setting_id = False, None
    if isinstance(rule, PersonOnDuty):
        setting_id = rule.schedule_id
        schedule = situation.configuration.roster(setting_id).schedule_at(situation.at)
        stands_in = schedule is not None and person not in schedule.members_at(situation.at)
    elif isinstance(rule, TeamSupervisors):
        setting_id = rule.team_id or situation.contact.team_id
    absence = absence_behind(situation, (level,), person)
    stands_in = stands_in or (absence is not None and absence.person_id != person)
    return PersonAsked(
        person,
        _reason(rule),
        rule.kind,
        setting_id,
        stands_in,
        situation.configuration.shift_end(level, person, situation.at),
    )


def _reason(rule: ResponderRule) -> str:
    match rule:
        case PersonOnDuty(schedule_id=schedule_id):
            return f"on duty by {schedule_id}"
        case NamedPerson():
            return "named by the ladder"
        case ReportingLine(steps=steps):
            return f"{steps} up the reporting line of the representative"
        case TeamSupervisors(team_id=team_id):
            return f"supervisor of the team {team_id}" if team_id else "supervisor of the team"
        case _:
            assert_never(rule)
