"""What managers set: put in force, and shown."""

from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Body, Depends
from fastapi.openapi.models import Example

from common.access import allow
from common.database import Database
from common.http import Name
from common.problems import Problem
from escalation import handlers
from escalation.api.answers import EscalationDatabase, Manager, work
from escalation.domain.calendars import Calendar
from escalation.domain.configuration import Setting, Versioned
from escalation.domain.duty import DutySchedule
from escalation.domain.ladders import Ladder
from escalation.domain.organisation import ApprovalLimit, GrantingRole, Person, Team
from escalation.domain.policies import SlaPolicy
from escalation.store import KINDS, UnitOfWork

router = APIRouter(prefix="/v1", tags=["configuration"])

S = TypeVar("S", bound=Setting)


def _example(value: dict[str, Any]) -> dict[str, Example]:
    return {"example": Example(value=value)}


Policy = Annotated[
    SlaPolicy,
    Body(
        openapi_examples=_example(
            {
                "match": {"tier": ["premium", "vip"], "topic": ["billing"]},
                "targets": [
                    {
                        "clock": "first_response",
                        "target_s": 900,
                        "thresholds": [{"action": "warn_representative", "at_percent": 80}],
                    },
                    {
                        "clock": "resolution",
                        "target_s": 28800,
                        "thresholds": [
                            {
                                "action": "change_priority",
                                "at_percent": 50,
                                "priority": "urgent",
                            },
                            {"action": "warn_supervisor", "offset_s": -1800},
                            {"action": "raise", "at_percent": 100},
                            {"action": "raise", "offset_s": 3600},
                        ],
                    },
                    {"clock": "periodic_update", "target_s": 7200, "runs_while_waiting": True},
                ],
                "calendar_id": "berlin",
                "calendar_by_region": {"APAC": "tokyo"},
                "ladder_id": "default",
                "severity": "high",
            }
        )
    ),
]
Hours = Annotated[
    Calendar,
    Body(
        openapi_examples=_example(
            {
                "zone": "Europe/Berlin",
                "hours": {
                    "mon": [["09:00", "12:30"], ["13:00", "17:00"]],
                    "sat": [["10:00", "14:00"]],
                },
                "holidays": [{"country": "DE", "region": "BE"}],
                "special": {"2026-12-24": [["09:00", "12:00"]]},
                "closed": ["2026-12-28"],
            }
        )
    ),
]
Levels = Annotated[
    Ladder,
    Body(
        openapi_examples=_example(
            {
                "levels": [
                    {
                        "name": "supervisors",
                        "acknowledge_within_s": 300,
                        "who": [{"kind": "duty", "schedule_id": "supervisors"}],
                    },
                    {
                        "name": "team",
                        "acknowledge_within_s": 600,
                        "who": [{"kind": "team_supervisors"}],
                        "ask": "in_turn",
                        "repeats": 1,
                    },
                    {
                        "name": "manager",
                        "acknowledge_within_s": 600,
                        "who": [
                            {"kind": "reporting_line", "steps": 2},
                            {"kind": "person", "person_id": "mia"},
                        ],
                        "media": ["slack"],
                    },
                ],
                "lease_s": 900,
                "working_lease_s": 7200,
            }
        )
    ),
]
Duty = Annotated[
    DutySchedule,
    Body(
        openapi_examples=_example(
            {
                "rotations": [
                    {
                        "zone": "Europe/Berlin",
                        "starts_at": "2026-03-02T08:00:00+01:00",
                        "shift_s": 86400,
                        "members": ["sam", "kim"],
                        "hours": {
                            "mon": [["08:00", "20:00"]],
                            "tue": [["08:00", "20:00"]],
                        },
                    }
                ],
                "covers": {
                    "zone": "Europe/Berlin",
                    "hours": {"mon": [["08:00", "20:00"]], "tue": [["08:00", "20:00"]]},
                },
                "overrides": [
                    {
                        "person_id": "lee",
                        "from": "2026-03-05T08:00:00+01:00",
                        "until": "2026-03-06T08:00:00+01:00",
                    }
                ],
            }
        )
    ),
]


Colleague = Annotated[
    Person,
    Body(
        openapi_examples=_example(
            {
                "reports_to": "sam",
                "role": "representative",
                "absences": [{"from": "2026-08-03T00:00:00Z", "until": "2026-08-17T00:00:00Z"}],
            }
        )
    ),
]
Supervised = Annotated[Team, Body(openapi_examples=_example({"supervisors": ["sam", "kim"]}))]
Limits = Annotated[
    ApprovalLimit,
    Body(openapi_examples=_example({"limits": {"EUR": "100.00", "USD": "100.00"}})),
]


@router.put("/sla-policies/{setting_id}")
async def put_policy(
    setting_id: Name,
    policy: Policy,
    database: EscalationDatabase,
    caller: Manager,
    open_contacts: Literal["keep", "retarget"] = "keep",
) -> Versioned[SlaPolicy]:
    """Promise something to the contacts that match.

    `open_contacts`: `keep` leaves clocks that run the version under which they started; `retarget`
    looks anew at what is promised to each open contact, whose time spent counts on.
    """
    retarget = open_contacts == "retarget"
    async with work(database) as uow:
        return await handlers.promise(
            setting_id, policy, caller.subject, uow, open_contacts_too=retarget
        )


@router.put("/calendars/{setting_id}")
async def put_calendar(
    setting_id: Name, calendar: Hours, database: EscalationDatabase, caller: Manager
) -> Versioned[Calendar]:
    return await _define(setting_id, calendar, database, caller.subject)


@router.put("/ladders/{setting_id}")
async def put_ladder(
    setting_id: Name, ladder: Levels, database: EscalationDatabase, caller: Manager
) -> Versioned[Ladder]:
    """Say who is asked next; escalations that are open keep the ladder they were raised on."""
    return await _define(setting_id, ladder, database, caller.subject)


@router.put("/duty-schedules/{setting_id}")
async def put_duty_schedule(
    setting_id: Name, schedule: Duty, database: EscalationDatabase, caller: Manager
) -> Versioned[DutySchedule]:
    return await _define(setting_id, schedule, database, caller.subject)


@router.put("/people/{setting_id}")
async def put_person(
    setting_id: Name, person: Colleague, database: EscalationDatabase, caller: Manager
) -> Versioned[Person]:
    """Say to whom a person reports, and when that person is away; superiors come first."""
    return await _define(setting_id, person, database, caller.subject)


@router.put("/teams/{setting_id}")
async def put_team(
    setting_id: Name, team: Supervised, database: EscalationDatabase, caller: Manager
) -> Versioned[Team]:
    return await _define(setting_id, team, database, caller.subject)


@router.put("/approval-limits/{role}")
async def put_approval_limit(
    role: GrantingRole, limit: Limits, database: EscalationDatabase, caller: Manager
) -> Versioned[ApprovalLimit]:
    """Bound what a role may grant; in a currency that is not listed it may grant nothing."""
    return await _define(role, limit, database, caller.subject)


async def _define(
    setting_id: str, body: S, database: Database[UnitOfWork], by: str
) -> Versioned[S]:
    async with work(database) as uow:
        return await handlers.define(setting_id, body, by, uow)


async def found(kind: type[S], setting_id: str, uow: UnitOfWork) -> Versioned[S]:
    setting = (await uow.configurations.in_force()).find(kind, setting_id)
    if setting is None:
        raise Problem(404, "setting-unknown", f"No {setting_id} is among the {KINDS[kind]}.")
    return setting


def _show(kind: type[S]) -> None:
    """Add the routes that show the settings of one kind, as they are in force."""
    access = [Depends(allow("representative", "supervisor", "manager"))]

    async def show(setting_id: Name, database: EscalationDatabase) -> Any:
        async with work(database) as uow:
            return await found(kind, setting_id, uow)

    async def show_all(database: EscalationDatabase) -> Any:
        async with work(database) as uow:
            return (await uow.configurations.in_force()).all_of(kind)

    name = KINDS[kind]
    router.add_api_route(
        f"/{name}",
        show_all,
        name=f"show {name}",
        response_model=list[Versioned[kind]],  # type: ignore[valid-type]  # known at run time
        dependencies=access,
    )
    router.add_api_route(
        f"/{name}/{{setting_id}}",
        show,
        name=f"show one of {name}",
        response_model=Versioned[kind],  # type: ignore[valid-type]  # known at run time
        dependencies=access,
    )


for _kind in KINDS:
    _show(_kind)
