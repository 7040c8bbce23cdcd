"""Facts about who reports to whom, owned by `escalation` and keyed by person."""

from typing import Literal

from common.contracts.event import PersonEvent, PersonId, TeamId

Position = Literal["representative", "supervisor", "manager", "director"]


class ReportingEvent(PersonEvent):
    topic = "reporting"


class ReportingLineChanged(ReportingEvent):
    """The person's place in the reporting line, published when a setting has changed it.

    `team_ids` are the teams that the person supervises. Who is not `active` has left: nobody above,
    and no teams.
    """

    manager_id: PersonId | None = None
    role: Position | None = None
    team_ids: tuple[TeamId, ...] = ()
    active: bool = True


EVENTS: tuple[type[ReportingEvent], ...] = (ReportingLineChanged,)
