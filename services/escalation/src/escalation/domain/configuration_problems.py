"""What is wrong with the settings in force together, though each one was valid when it was put."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from common.contracts.event import OPERATIONS, PersonId
from common.contracts.vacancies import Vacancy
from escalation.domain import wording
from escalation.domain.duty.coverage import seasonal_mismatches
from escalation.domain.duty.rosters import Roster
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.shifts import format_period, gaps
from escalation.domain.duty.stand_ins import unfilled_from
from escalation.domain.duty.windows import Override
from escalation.domain.duty_gaps import FORECAST_PERIOD
from escalation.domain.ladder_preview import preview
from escalation.domain.policy_match import takes_all_of
from escalation.domain.settings.ladders import Ladder, Level, ReportingLine, TeamSupervisors
from escalation.domain.settings.people import PersonAbsences, Team
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import (
    DEFAULT_LADDER,
    KIND_BY_TYPE,
    Configuration,
    T,
    Versioned,
)
from escalation.domain.settings.validation import (
    missing_people,
    named_people,
    undefined_references,
)
from escalation.domain.staff import Staff

# Of a person who is named in many places.
_MOST_PLACES = 5

ProblemCode = Literal[
    "unknown-name",
    "person-missing",
    "no-default-ladder",
    "contacts-without-policy",
    "policy-never-matches",
    "level-finds-nobody",
    "duty-gap",
    "duty-gap-in-some-weeks",
    "duty-overlap-in-some-weeks",
    "override-for-absent-person",
    "nobody-stands-in",
    "no-contact-method",
    "topic-not-served",
]


Parameter = str | int | bool | tuple[str, ...] | tuple[Vacancy, ...] | None


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """Something that will surprise people; `place` is in the setting, empty for all of it.

    `kind` is that of the setting, or of what another service keeps: people, recipients, queues.
    `parameters` are what the sentence `detail` names, so that others write it in their language.
    """

    code: ProblemCode
    kind: str
    setting_id: str
    place: str
    detail: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


def configuration_problems(
    configuration: Configuration, staff: Staff, at: datetime
) -> Iterator[ConfigurationProblem]:
    """Yield the problems by kind and id; it takes seconds if schedules have many shifts."""
    yield from _policies(configuration)
    yield from _ladders(configuration, at)
    for setting in configuration.all_of(DutySchedule):
        yield from _schedule(configuration, setting, at)
    for absences in configuration.all_of(PersonAbsences):
        yield from _vain_stand_ins(configuration, absences, at)
    for kind in (SlaPolicy, Ladder, DutySchedule, Team):
        yield from _references(configuration, configuration.all_of(kind))
    yield from _unreachable_people(configuration, staff, at)
    yield from _unserved_topics(configuration, staff)


def _problem(
    code: ProblemCode, setting: Versioned[T], place: str, detail: str, **parameters: Parameter
) -> ConfigurationProblem:
    path = KIND_BY_TYPE[type(setting.body)].path
    return ConfigurationProblem(code, path, setting.id, place, detail, parameters)


def _period(start: datetime, end: datetime) -> dict[str, Parameter]:
    return {"start": start.isoformat(), "end": end.isoformat()}


def _policies(configuration: Configuration) -> Iterator[ConfigurationProblem]:
    policies = configuration.policies_by_precedence
    for n, policy in enumerate(policies):
        match = policy.body.match
        for earlier in policies[:n]:
            if takes_all_of(earlier.body.match, match):
                detail = f"It never applies: {earlier.id} takes all of its contacts."
                yield _problem("policy-never-matches", policy, "match", detail, taken_by=earlier.id)
                break
    if not any(policy.body.match.specificity == 0 for policy in policies):
        detail = "No policy has an empty match: a contact that matches none has no clocks."
        yield ConfigurationProblem("contacts-without-policy", "sla-policies", "", "", detail)


def _ladders(configuration: Configuration, at: datetime) -> Iterator[ConfigurationProblem]:
    if DEFAULT_LADDER not in configuration.ladders:
        detail = "Escalations of contacts without a policy use it; without it they page operations."
        yield ConfigurationProblem("no-default-ladder", "ladders", DEFAULT_LADDER, "", detail)
    for ladder in configuration.all_of(Ladder):
        for shown in preview(configuration, ladder.body, at):
            level = ladder.body.levels[shown.level]
            if not shown.people and not _depends_on_contact(level):
                why = wording.joined(*map(wording.vacancy, shown.vacancies))
                place = f"levels/{shown.level}/who"
                detail = f"Nobody would be asked now: {why}."
                yield _problem(
                    "level-finds-nobody",
                    ladder,
                    place,
                    detail,
                    level=shown.level,
                    level_name=level.name,
                    vacancies=shown.vacancies,
                )


def _depends_on_contact(level: Level) -> bool:
    return any(
        isinstance(rule, ReportingLine)
        or (isinstance(rule, TeamSupervisors) and rule.team_id is None)
        for rule in level.who
    )


def _schedule(
    configuration: Configuration, setting: Versioned[DutySchedule], at: datetime
) -> Iterator[ConfigurationProblem]:
    roster = configuration.rosters[setting.id]
    for gap in gaps(roster, at, at + FORECAST_PERIOD, configuration.absences):
        detail = f"Nobody is on duty from {format_period(gap.start, gap.end)}."
        yield _problem("duty-gap", setting, "", detail, **_period(gap.start, gap.end))
    for mismatch in seasonal_mismatches(setting.body):
        code: ProblemCode = (
            "duty-overlap-in-some-weeks"
            if mismatch.code == "duty-overlap"
            else "duty-gap-in-some-weeks"
        )
        yield _problem(
            code,
            setting,
            mismatch.place,
            mismatch.detail,
            weeks=mismatch.weeks,
            other_rotation=mismatch.other,
            **_period(mismatch.start, mismatch.end),
        )
    for override in _of_absent_people(configuration, roster, at):
        when = format_period(override.from_, override.until)
        detail = (
            f"{override.person_id} has the override from {when}, and is absent in part of it: "
            "whose turn it is stays on duty."
        )
        yield _problem(
            "override-for-absent-person",
            setting,
            "",
            detail,
            person_id=override.person_id,
            **_period(override.from_, override.until),
        )


def _vain_stand_ins(
    configuration: Configuration, setting: Versioned[PersonAbsences], at: datetime
) -> Iterator[ConfigurationProblem]:
    person = PersonId(setting.id)
    for n, absence in enumerate(setting.body.absences):
        if absence.stand_in is None or absence.until <= at or configuration.has_left(person):
            continue
        start = unfilled_from(person, absence, at, configuration.absences)
        if start is not None:
            when = format_period(start, absence.until)
            detail = f"{person} is away, and nobody can stand in from {when}: {person} is asked."
            yield _problem(
                "nobody-stands-in",
                setting,
                f"absences/{n}/stand_in",
                detail,
                person_id=person,
                **_period(start, absence.until),
            )


def _of_absent_people(
    configuration: Configuration, roster: Roster, at: datetime
) -> Iterator[Override]:
    for override in roster.changes.overrides:
        absences = configuration.absences.get(override.person_id, ())
        begin = max(override.from_, at)
        if any(away.from_ < override.until and begin < away.until for away in absences):
            yield override


def _references(
    configuration: Configuration, settings: Iterable[Versioned[T]]
) -> Iterator[ConfigurationProblem]:
    for setting in settings:
        for place, name, unknown in undefined_references(configuration, setting.body):
            detail = f"There is no {name}."
            yield _problem("unknown-name", setting, place, detail, name=name, id=unknown)
        for place, person in missing_people(configuration, setting.id, setting.body):
            has_left = configuration.has_left(person)
            detail = f"{person} {'has left' if has_left else 'is not known'}."
            yield _problem(
                "person-missing", setting, place, detail, person_id=person, has_left=has_left
            )


def _unreachable_people(
    configuration: Configuration, staff: Staff, at: datetime
) -> Iterator[ConfigurationProblem]:
    """Who may be paged, and has no contact method: no page reaches that person."""
    if OPERATIONS not in staff.reachable:
        detail = (
            "operations has no contact method: nobody hears of escalations that nobody answers, of "
            "gaps in duty and of lost timers. An admin puts it with PUT /v1/recipients/operations."
        )
        yield ConfigurationProblem(
            "no-contact-method", "recipients", OPERATIONS, "", detail, {"person_id": OPERATIONS}
        )
    places: defaultdict[PersonId, dict[str, None]] = defaultdict(dict)
    for person, place in _people_paged(configuration, at):
        if person not in staff.reachable and configuration.works_here(person):
            places[person][place] = None
    for person in sorted(places):
        listed = tuple(places[person])
        shown, others = listed[:_MOST_PLACES], len(listed[_MOST_PLACES:])
        where = f"{', '.join(shown)}{f' and {others} more' if others else ''}"
        detail = f"{person} has no contact method, so no page arrives. Asked as: {where}."
        yield ConfigurationProblem(
            "no-contact-method",
            "people",
            person,
            "",
            detail,
            {"person_id": person, "places": shown, "other_places": others},
        )


def _people_paged(configuration: Configuration, at: datetime) -> Iterator[tuple[PersonId, str]]:
    """Yield (person, place) for whom settings name, and for those above others."""
    yield from _people_named(configuration)
    yield from _people_of_changes(configuration, at)
    yield from _people_above(configuration)


def _people_named(configuration: Configuration) -> Iterator[tuple[PersonId, str]]:
    for kind in (Ladder, DutySchedule, Team):
        for setting in configuration.all_of(kind):
            for place, person in named_people(setting.id, setting.body):
                yield person, f"{KIND_BY_TYPE[kind].path}/{setting.id} {place}"


def _people_of_changes(
    configuration: Configuration, at: datetime
) -> Iterator[tuple[PersonId, str]]:
    for schedule_id, roster in configuration.rosters.items():
        for change in roster.changes.all:
            if change.until > at:
                yield from ((who, f"a change of {schedule_id}") for who in sorted(change.people))


def _people_above(configuration: Configuration) -> Iterator[tuple[PersonId, str]]:
    for person, entry in sorted(configuration.staff.items()):
        if entry.active:
            yield from ((person, role) for role in entry.roles if role != "representative")
            if entry.reports_to is not None:
                yield entry.reports_to, "superior"


def _unserved_topics(configuration: Configuration, staff: Staff) -> Iterator[ConfigurationProblem]:
    """Which contacts that policies name, or that are open, no active representative may get."""
    for policy in configuration.all_of(SlaPolicy):
        match = policy.body.match
        for n, topic in enumerate(match.topic or ()):
            for language in match.language or (None,):
                if not staff.serves(topic, language):
                    detail = _nobody_serves(staff, topic, language)
                    parameters = _unserved(staff, topic, language)
                    yield _problem(
                        "topic-not-served", policy, f"match/topic/{n}", detail, **parameters
                    )
    for need in staff.open_needs:
        if not staff.serves(need.topic, need.language):
            queue = f"{need.topic}/{need.language}"
            verb = "contact needs it" if need.contacts == 1 else "contacts need it"
            why = _nobody_serves(staff, need.topic, need.language)
            detail = f"{why} {need.contacts} open {verb}."
            parameters = _unserved(staff, need.topic, need.language)
            yield ConfigurationProblem(
                "topic-not-served",
                "queues",
                queue,
                "",
                detail,
                {**parameters, "contacts": need.contacts},
            )


def _unserved(staff: Staff, topic: str, language: str | None) -> dict[str, Parameter]:
    """`has_skill`: somebody has the skill, but does not speak the language."""
    has_skill = language is not None and staff.serves(topic)
    return {"topic": topic, "language": language, "has_skill": has_skill}


def _nobody_serves(staff: Staff, topic: str, language: str | None) -> str:
    if language is None or not staff.serves(topic):
        return f"No active representative has the skill {topic}."
    return f"No active representative with the skill {topic} speaks {language}."
