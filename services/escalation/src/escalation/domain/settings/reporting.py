"""Which people have another place in the reporting line after a change of settings."""

from collections.abc import Iterator
from datetime import datetime

from common.contracts.event import PersonId, TeamId
from common.contracts.reporting import ReportingLineChanged
from escalation.domain.settings.people import Person, Team
from escalation.domain.settings.registry import Configuration


def reporting_changes(
    before: Configuration, after: Configuration, at: datetime
) -> Iterator[ReportingLineChanged]:
    """Yield an event for each person, by id, whose place differs or who is new."""
    old, new = _people(before), _people(after)
    for person_id in sorted(old | new):
        place = _place(after, person_id, at)
        if person_id not in old or place != _place(before, person_id, at):
            yield place


def _people(configuration: Configuration) -> set[PersonId]:
    supervisors = (team.body.supervisors for team in configuration.teams.values())
    return {*configuration.staff, *(person for team in supervisors for person in team)}


def _place(configuration: Configuration, person_id: PersonId, at: datetime) -> ReportingLineChanged:
    person = configuration.staff.get(person_id, Person())
    if not person.active:
        return ReportingLineChanged(person_id=person_id, occurred_at=at, active=False)
    team_ids = (
        TeamId(team.id) for team in configuration.all_of(Team) if person_id in team.body.supervisors
    )
    return ReportingLineChanged(
        person_id=person_id,
        occurred_at=at,
        manager_id=person.reports_to,
        role=person.role,
        team_ids=tuple(team_ids),
    )
