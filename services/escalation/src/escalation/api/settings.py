"""What managers set: put in force, and shown.

With `If-Match`, the ETag of what the manager saw, it is put only if nothing has changed since.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Body, Depends, Response
from fastapi.openapi.models import Example

from common.http.access import Principal, require_role
from common.http.app import Slug
from common.http.problems import ProblemError
from common.storage.database import Database
from escalation import handlers
from escalation.api.deps import EscalationDatabase, Manager, Seen, work
from escalation.api.schemas import etag
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.people import ApprovalLimit, GrantingRole, Person, Team
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Setting, Versioned
from escalation.store.unit_of_work import KINDS, UnitOfWork

router = APIRouter(prefix="/v1", tags=["configuration"])

S = TypeVar("S", bound=Setting)

_STALE: Final[dict[int | str, dict[str, Any]]] = {
    409: {"description": "It is not as you saw it: `present` is how it is."}
}


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


@dataclass(frozen=True, slots=True)
class Defining:
    """A manager who puts a setting, seen in one of `versions`; nil if in any."""

    database: Database[UnitOfWork]
    caller: Principal
    versions: frozenset[int] | None
    response: Response

    async def define(self, setting_id: str, body: S) -> Versioned[S]:
        return await self.answer(
            lambda uow: handlers.define(setting_id, body, self.caller.subject, uow, self.versions)
        )

    async def answer(self, handle: Callable[[UnitOfWork], Awaitable[Versioned[S]]]) -> Versioned[S]:
        async with work(self.database) as uow:
            defined = await handle(uow)
        self.response.headers["ETag"] = etag(defined)
        return defined


async def _defining(
    database: EscalationDatabase, caller: Manager, versions: Seen, response: Response
) -> Defining:
    return Defining(database, caller, versions, response)


By = Annotated[Defining, Depends(_defining)]


@router.put("/sla-policies/{setting_id}", responses=_STALE)
async def put_policy(
    setting_id: Slug,
    policy: Policy,
    by: By,
    open_contacts: Literal["keep", "retarget"] = "keep",
) -> Versioned[SlaPolicy]:
    """Promise something to the contacts that match.

    `open_contacts`: `keep` leaves clocks that run the version under which they started; `retarget`
    looks anew at what is promised to each open contact, whose time spent counts on.
    """
    return await by.answer(
        lambda uow: handlers.promise(
            setting_id,
            policy,
            by.caller.subject,
            uow,
            by.versions,
            open_contacts_too=open_contacts == "retarget",
        )
    )


@router.put("/calendars/{setting_id}", responses=_STALE)
async def put_calendar(setting_id: Slug, calendar: Hours, by: By) -> Versioned[Calendar]:
    return await by.define(setting_id, calendar)


@router.put("/ladders/{setting_id}", responses=_STALE)
async def put_ladder(setting_id: Slug, ladder: Levels, by: By) -> Versioned[Ladder]:
    """Say who is asked next; escalations that are open keep the ladder they were raised on."""
    return await by.define(setting_id, ladder)


@router.put("/duty-schedules/{setting_id}", responses=_STALE)
async def put_duty_schedule(setting_id: Slug, schedule: Duty, by: By) -> Versioned[DutySchedule]:
    """Say who takes turns; without `If-Match` what was swapped since you looked is lost."""
    return await by.define(setting_id, schedule)


@router.put("/people/{setting_id}", responses=_STALE)
async def put_person(setting_id: Slug, person: Colleague, by: By) -> Versioned[Person]:
    """Say to whom a person reports, and when that person is away; superiors come first."""
    return await by.define(setting_id, person)


@router.put("/teams/{setting_id}", responses=_STALE)
async def put_team(setting_id: Slug, team: Supervised, by: By) -> Versioned[Team]:
    return await by.define(setting_id, team)


@router.put("/approval-limits/{role}", responses=_STALE)
async def put_approval_limit(role: GrantingRole, limit: Limits, by: By) -> Versioned[ApprovalLimit]:
    """Bound what a role may grant; in a currency that is not listed it may grant nothing."""
    return await by.define(role, limit)


async def found(kind: type[S], setting_id: str, uow: UnitOfWork) -> Versioned[S]:
    setting = (await uow.configurations.in_force()).find(kind, setting_id)
    if setting is None:
        raise ProblemError(404, "setting-unknown", f"No {setting_id} is among the {KINDS[kind]}.")
    return setting


def _show(kind: type[S]) -> None:
    """Add the routes that show the settings of one kind, as they are in force."""
    access = [Depends(require_role("representative", "supervisor", "manager"))]

    async def show(setting_id: Slug, database: EscalationDatabase, response: Response) -> Any:
        async with work(database) as uow:
            setting = await found(kind, setting_id, uow)
        response.headers["ETag"] = etag(setting)
        return setting

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
