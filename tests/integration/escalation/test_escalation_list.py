"""The list of escalations agrees with a plain sort and filter, page by page."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contracts.contacts import Channel, Tier
from common.contracts.escalations import Cause, Severity
from common.contracts.event import ContactId, EscalationId, PersonId, TeamId
from common.core.ids import new_id
from common.storage.database import Database
from escalation.domain.model import (
    OPEN_STATES,
    Escalation,
    EscalationCause,
    Lease,
    TrackedContact,
)
from escalation.domain.queries import EscalationQuery
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson
from escalation.domain.settings.people import SupervisorScope
from escalation.domain.settings.policies import ContactDetails
from escalation.domain.settings.registry import NO_LADDER, Versioned
from escalation.domain.visibility import Viewer, Visibility
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import EscalationHarness
from support.databases import Postgres
from support.table_reads import record_reads

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STATES = (*OPEN_STATES, "handed_back", "resolved", "closed")
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
CAUSES: tuple[Cause, ...] = ("breach", "warning", "customer_request", "referral", "vip")
CHANNELS: tuple[Channel, ...] = ("call", "email", "chat")
TOPICS = ("billing", "delivery")
TIERS: tuple[Tier, ...] = ("standard", "premium", "vip")
PEOPLE = ("sam", "kim", "mia")
FOREVER = datetime.max.replace(tzinfo=UTC)


def ladder(name: str, *levels: str) -> Versioned[Ladder]:
    who = (NamedPerson("person", PersonId("mia")),)
    body = Ladder(tuple(Level(level, 60, who) for level in levels), 60, 60)
    return Versioned(name, 1, body)


LADDERS = (ladder("default", "supervisors", "managers"), ladder("night", "nights", "managers"))


@dataclass(frozen=True)
class ListedEscalation:
    escalation: Escalation
    contact: TrackedContact

    @property
    def id(self) -> str:
        return self.escalation.escalation_id


def random_escalations(chance: random.Random, contacts: int) -> list[ListedEscalation]:
    """Make contacts with one or more escalations each, with many equal sort keys."""
    rows = []
    for _ in range(contacts):
        contact = TrackedContact(
            ContactId(new_id()),
            details=ContactDetails(
                channel=chance.choice(CHANNELS),
                priority="high",
                topic=chance.choice(TOPICS),
                language="en",
                tier=chance.choice(TIERS),
                region=None,
                customer="Ada",
                subject="?",
                received_at=NOON,
            ),
            opened_at=NOON,
            representative_id=chance.choice([None, PersonId("rita"), PersonId("ron")]),
            team_id=chance.choice([None, TeamId("front"), TeamId("back")]),
        )
        states = [chance.choice(STATES), *chance.choices(STATES[4:], k=chance.randint(0, 2))]
        rows += [
            ListedEscalation(escalation(chance, contact.contact_id, state), contact)
            for state in states
        ]
    return rows


def escalation(chance: random.Random, contact_id: ContactId, state: Any) -> Escalation:
    taken = state in ("acknowledged", "taken_over", "approval_asked")
    raised_at = NOON - timedelta(minutes=chance.randint(0, 9))
    hours = chance.choice([-3, -2, -1, 1, 2, 3])
    on = chance.choice([*LADDERS, NO_LADDER])
    return Escalation(
        escalation_id=EscalationId(new_id()),
        contact_id=contact_id,
        state=state,
        severity=chance.choice(SEVERITIES),
        ladder=on,
        level=chance.randint(0, 1) if on.body.levels else 0,
        round=1,
        causes=tuple(
            EscalationCause(cause, cause, raised_at)
            for cause in chance.sample(CAUSES, chance.randint(1, 3))
        ),
        awaited=() if state not in OPEN_STATES else tuple(map(PersonId, chance.sample(PEOPLE, 2))),
        lease=Lease(PersonId(chance.choice(PEOPLE)), "progress") if taken else None,
        lease_no=int(taken),
        deadline=NOON + timedelta(hours=hours)
        if state in OPEN_STATES and chance.random() < 0.8
        else None,
        raised_at=raised_at,
        closed_at=None if state in OPEN_STATES else NOON,
        alarm_since=chance.choice([None, None, raised_at]),
    )


async def store(database: Database[UnitOfWork], rows: Sequence[ListedEscalation]) -> None:
    async with database.transaction() as uow:
        for contact in {row.contact.contact_id: row.contact for row in rows}.values():
            uow.contacts.mark_absent(contact.contact_id)
            uow.contacts.put(contact)
        for row in rows:
            uow.escalations.save(row.escalation)


def is_among(
    value: Callable[[ListedEscalation], object],
) -> Callable[[ListedEscalation, Any, datetime], bool]:
    return lambda row, params, _at: value(row) in params


def details_of(row: ListedEscalation) -> ContactDetails:
    assert row.contact.details is not None
    return row.contact.details


FILTERS: dict[str, Callable[[ListedEscalation, Any, datetime], bool]] = {
    "state": is_among(lambda row: row.escalation.state),
    "person": lambda row, params, _: params in (row.escalation.holder, *row.escalation.awaited),
    "severity": is_among(lambda row: row.escalation.severity),
    "level": lambda row, params, _: (
        row.escalation.level_name in params or str(row.escalation.level) in params
    ),
    "cause": lambda row, params, _: any(r.kind in params for r in row.escalation.causes),
    "channel": is_among(lambda row: details_of(row).channel),
    "topic": is_among(lambda row: details_of(row).topic),
    "tier": is_among(lambda row: details_of(row).tier),
    "team": is_among(lambda row: row.contact.team_id),
    "representative": is_among(lambda row: row.contact.representative_id),
    "ladder": is_among(lambda row: row.escalation.ladder.id),
    "overdue": lambda row, params, at: ((row.escalation.deadline or FOREVER) < at) == params,
    "alarm": lambda row, params, _: (row.escalation.alarm_since is not None) == params,
    "contact_id": lambda row, params, _: row.contact.contact_id == params,
}
SORTS: dict[str, Callable[[ListedEscalation], Any]] = {
    "time_left": lambda row: (row.escalation.deadline or FOREVER, row.id),
    "severity": lambda row: (
        SEVERITIES.index(row.escalation.severity),
        row.escalation.deadline or FOREVER,
        row.id,
    ),
    "newest": lambda row: (
        -row.escalation.raised_at.timestamp(),
        -int(row.id.replace("-", ""), 16),
    ),
}


def query(chance: random.Random, rows: Sequence[ListedEscalation]) -> dict[str, Any]:
    """Return a query with up to three filters, so that some rows match."""
    values: dict[str, Any] = {
        "state": chance.sample(STATES, chance.randint(1, 7)),
        "person": chance.choice(PEOPLE),
        "severity": chance.sample(SEVERITIES, 2),
        "level": chance.choice([["supervisors"], ["1"], ["managers", "nobody"], ["0"]]),
        "cause": chance.sample(CAUSES, 2),
        "channel": chance.sample(CHANNELS, 2),
        "topic": [chance.choice(TOPICS)],
        "tier": chance.sample(TIERS, 2),
        "team": ["front"],
        "representative": ["rita", "ron"],
        "ladder": [chance.choice(LADDERS).id],
        "overdue": chance.random() < 0.5,
        "alarm": chance.random() < 0.5,
        "contact_id": chance.choice(rows).contact.contact_id,
    }
    assert values.keys() == FILTERS.keys()
    names = chance.sample(sorted(values), chance.randint(0, 3))
    params = {name: values[name] for name in names} | {"sort": chance.choice(sorted(SORTS))}
    if "contact_id" not in params and not set(params.get("state", ())) <= set(OPEN_STATES):
        params["sort"] = "newest"
    return params


def expected(rows: Sequence[ListedEscalation], params: dict[str, Any], at: datetime) -> list[str]:
    filters = {"state": list(OPEN_STATES), **params}
    sort = SORTS[filters.pop("sort")]
    matching = [
        row for row in rows if all(FILTERS[name](row, value, at) for name, value in filters.items())
    ]
    return [row.id for row in sorted(matching, key=sort)]


async def read_pages(api: httpx.AsyncClient, params: dict[str, Any], limit: int) -> list[str]:
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.get("/v1/escalations", params={**params, "limit": limit, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [item["escalation_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("seed", range(3))
async def test_list_agrees_with_plain_sort_and_filter(
    api: httpx.AsyncClient, service: EscalationHarness, seed: int
) -> None:
    chance = random.Random(seed)
    rows = random_escalations(chance, 80)
    await store(service.database, rows)
    now = await service.now()
    # Noon is now, so that half of the deadlines have passed.
    service.database.clock.offset = NOON - now
    total = 0
    for _ in range(40):
        params = query(chance, rows)
        ids = await read_pages(api, params, limit=chance.choice([1, 3, 10, 200]))
        assert ids == expected(rows, params, NOON), params
        total += len(ids)
    assert total > 100


async def test_pages_stay_consistent_while_escalations_change(
    api: httpx.AsyncClient, service: EscalationHarness
) -> None:
    chance = random.Random(7)
    rows = random_escalations(chance, 40)
    await store(service.database, rows)
    params = {"sort": "severity"}
    whole = expected(rows, params, NOON)
    first = (await api.get("/v1/escalations", params={**params, "limit": 5})).json()
    gone = next(row for row in rows if row.id == whole[4])
    async with service.database.transaction() as uow:
        locked = await uow.escalations.lock(EscalationId(gone.id))
        assert locked is not None
        uow.escalations.save(replace(locked, state="resolved", deadline=None))
    await store(service.database, random_escalations(chance, 10))
    rest: dict[str, Any] = {**params, "limit": 200, "cursor": first["next_cursor"]}
    following = (await api.get("/v1/escalations", params=rest)).json()["items"]
    ids = [item["escalation_id"] for item in following]
    earlier = {row.id for row in rows}
    assert [escalation_id for escalation_id in ids if escalation_id in earlier] == whole[5:]


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"sort": "age"}, "query/sort"),
        ({"severity": "grave"}, "query/severity/0"),
        ({"colour": "red"}, "query/colour"),
        ({"overdue": "perhaps"}, "query/overdue"),
        ({"person": "a b"}, "query/person"),
        ({"contact_id": "17"}, "query/contact_id"),
        ({"limit": 0}, "query/limit"),
        ({"cursor": "nonsense"}, "query/cursor"),
        ({"state": "resolved"}, "query/state"),
    ],
)
async def test_invalid_list_query_is_refused_with_its_place(
    api: httpx.AsyncClient, params: dict[str, str], place: str
) -> None:
    answer = await api.get("/v1/escalations", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"{place}:")


async def test_cursor_of_another_query_is_refused(
    api: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await store(service.database, random_escalations(random.Random(1), 20))
    cursor = (await api.get("/v1/escalations?limit=1")).json()["next_cursor"]
    assert (await api.get(f"/v1/escalations?cursor={cursor}&limit=7")).status_code == 200
    for other in ("sort=newest", "severity=high", "overdue=true", "state=raised"):
        answer = await api.get(f"/v1/escalations?cursor={cursor}&{other}")
        assert answer.status_code == 422
        assert "another order or other filters" in answer.json()["detail"]


# Who sees the own teams only has the contact looked up for that, and for the filter.
@pytest.mark.parametrize(("visibility", "lookups"), [("all", 1), ("team", 2)])
@pytest.mark.parametrize("sort", sorted(SORTS))
async def test_filtered_open_list_reads_no_closed_escalations(
    service: EscalationHarness,
    postgres: Postgres,
    database_name: str,
    sort: str,
    visibility: Visibility,
    lookups: int,
) -> None:
    chance = random.Random(3)
    rows = random_escalations(chance, 3000)
    # Few are open, as in production.
    few = [
        row for n, row in enumerate(rows) if row.escalation.state not in OPEN_STATES or n % 10 == 0
    ]
    await store(service.database, few)
    still_open = sum(row.escalation.state in OPEN_STATES for row in few)
    await postgres.execute(
        "ANALYZE escalation.escalations, escalation.tracked_contacts", database_name
    )
    scope = SupervisorScope(frozenset(("front",)), frozenset((PersonId("rita"),)))
    params = query(chance, few)
    filters: dict[str, Any] = {name: value for name, value in params.items() if name != "state"}
    for chosen in ({}, *({name: value} for name, value in filters.items()), {"tier": ["vip"]}):
        async with service.database.transaction() as uow:
            # As it may come to be after some calls: the planner no longer sees what is params.
            await uow.connection.driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            async with record_reads(uow.connection, "escalations", "tracked_contacts") as reads:
                await uow.queries.escalations(
                    EscalationQuery.model_validate({**chosen, "sort": sort}),
                    uow.now,
                    None,
                    51,
                    Viewer(PersonId("sam"), "supervisor", visibility),
                    scope if visibility == "team" else None,
                )
        for read in reads:
            assert read.scans == 0, (chosen, read)
            assert read.rows <= lookups * still_open, (chosen, read)
