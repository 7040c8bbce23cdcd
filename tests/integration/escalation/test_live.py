"""Lists agree with a plain sort and filter, and the published lateness with plain arithmetic."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.contracts.escalations import (
    ClockBreached,
    ClockWarned,
    EscalationClimbed,
    EscalationReturned,
    EscalationUnanswered,
)
from common.contracts.event import ContactId, EscalationId, Event, PersonId, TeamId
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.storage.database import Database
from escalation.domain.model import OPEN_STATES, Escalation, Reason, Watch
from escalation.domain.queries import Wanted
from escalation.domain.settings.ladders import Ladder, Level, Named
from escalation.domain.settings.policies import Contact
from escalation.domain.settings.registry import Versioned
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import Desk, key

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STATES = (*OPEN_STATES, "handed_back", "resolved", "closed")
SEVERITIES = ("critical", "high", "medium", "low")
CAUSES = ("breach", "warning", "customer_request", "referral", "vip")
CHANNELS = ("call", "email", "chat")
TOPICS = ("billing", "delivery")
TIERS = ("standard", "premium", "vip")
PEOPLE = ("sam", "kim", "mia")
FOREVER = datetime.max.replace(tzinfo=UTC)


def ladder(name: str, *levels: str) -> Versioned[Ladder]:
    who = (Named("person", PersonId("mia")),)
    body = Ladder(tuple(Level(level, 60, who) for level in levels), 60, 60)
    return Versioned(name, 1, body)


LADDERS = (ladder("default", "supervisors", "managers"), ladder("night", "nights", "managers"))


@dataclass(frozen=True)
class Upstairs:
    escalation: Escalation
    watch: Watch

    @property
    def id(self) -> str:
        return self.escalation.escalation_id


def invented(chance: random.Random, contacts: int) -> list[Upstairs]:
    """Make contacts with an escalation or more each, with many that sort alike."""
    found = []
    for _ in range(contacts):
        watch = Watch(
            ContactId(new_id()),
            contact=Contact(
                channel=chance.choice(CHANNELS),  # type: ignore[arg-type]  # of the words above
                priority="high",
                topic=chance.choice(TOPICS),
                language="en",
                tier=chance.choice(TIERS),  # type: ignore[arg-type]
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
        found += [Upstairs(escalation(chance, watch.contact_id, state), watch) for state in states]
    return found


def escalation(chance: random.Random, contact_id: ContactId, state: Any) -> Escalation:
    taken = state in ("acknowledged", "taken_over", "approval_asked")
    raised_at = NOON - timedelta(minutes=chance.randint(0, 9))
    hours = chance.choice([-3, -2, -1, 1, 2, 3])
    on = chance.choice([*LADDERS, None])
    return Escalation(
        escalation_id=EscalationId(new_id()),
        contact_id=contact_id,
        state=state,
        severity=chance.choice(SEVERITIES),  # type: ignore[arg-type]
        ladder=on,
        level=0 if on is None else chance.randint(0, 1),
        round=1,
        reasons=tuple(
            Reason(cause, cause, raised_at)  # type: ignore[arg-type]
            for cause in chance.sample(CAUSES, chance.randint(1, 3))
        ),
        awaited=() if state not in OPEN_STATES else tuple(map(PersonId, chance.sample(PEOPLE, 2))),
        holder=PersonId(chance.choice(PEOPLE)) if taken else None,
        lease_no=int(taken),
        deadline=NOON + timedelta(hours=hours)
        if state in OPEN_STATES and chance.random() < 0.8
        else None,
        raised_at=raised_at,
        closed_at=None if state in OPEN_STATES else NOON,
        alarm_since=chance.choice([None, None, raised_at]),
    )


async def written(database: Database[UnitOfWork], upstairs: Sequence[Upstairs]) -> None:
    async with database.transaction() as uow:
        for watch in {one.watch.contact_id: one.watch for one in upstairs}.values():
            uow.watches.mark_absent(watch.contact_id)
            uow.watches.put(watch)
        for one in upstairs:
            uow.escalations.save(one.escalation)


def among(value: Callable[[Upstairs], object]) -> Callable[[Upstairs, Any, datetime], bool]:
    return lambda one, asked, _at: value(one) in asked


def contact(one: Upstairs) -> Contact:
    assert one.watch.contact is not None
    return one.watch.contact


FILTERS: dict[str, Callable[[Upstairs, Any, datetime], bool]] = {
    "state": among(lambda one: one.escalation.state),
    "person": lambda one, asked, _: asked in (one.escalation.holder, *one.escalation.awaited),
    "severity": among(lambda one: one.escalation.severity),
    "level": lambda one, asked, _: (
        one.escalation.level_name in asked or str(one.escalation.level) in asked
    ),
    "cause": lambda one, asked, _: any(r.cause in asked for r in one.escalation.reasons),
    "channel": among(lambda one: contact(one).channel),
    "topic": among(lambda one: contact(one).topic),
    "tier": among(lambda one: contact(one).tier),
    "team": among(lambda one: one.watch.team_id),
    "representative": among(lambda one: one.watch.representative_id),
    "ladder": among(lambda one: one.escalation.ladder and one.escalation.ladder.id),
    "overdue": lambda one, asked, at: ((one.escalation.deadline or FOREVER) < at) == asked,
    "alarm": lambda one, asked, _: (one.escalation.alarm_since is not None) == asked,
    "contact_id": lambda one, asked, _: one.watch.contact_id == asked,
}
SORTS: dict[str, Callable[[Upstairs], Any]] = {
    "time_left": lambda one: (one.escalation.deadline or FOREVER, one.id),
    "severity": lambda one: (
        SEVERITIES.index(one.escalation.severity),
        one.escalation.deadline or FOREVER,
        one.id,
    ),
    "newest": lambda one: (
        -one.escalation.raised_at.timestamp(),
        -int(one.id.replace("-", ""), 16),
    ),
}


def query(chance: random.Random, upstairs: Sequence[Upstairs]) -> dict[str, Any]:
    """Ask for some things at once, but not so many that nothing is left."""
    some: dict[str, Any] = {
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
        "contact_id": chance.choice(upstairs).watch.contact_id,
    }
    assert some.keys() == FILTERS.keys()
    names = chance.sample(sorted(some), chance.randint(0, 3))
    asked = {name: some[name] for name in names} | {"sort": chance.choice(sorted(SORTS))}
    if "contact_id" not in asked and not set(asked.get("state", ())) <= set(OPEN_STATES):
        asked["sort"] = "newest"
    return asked


def expected(upstairs: Sequence[Upstairs], asked: dict[str, Any], at: datetime) -> list[str]:
    wanted = {"state": list(OPEN_STATES), **asked}
    sort = SORTS[wanted.pop("sort")]
    found = [
        one
        for one in upstairs
        if all(FILTERS[name](one, value, at) for name, value in wanted.items())
    ]
    return [one.id for one in sorted(found, key=sort)]


async def pages(api: httpx.AsyncClient, asked: dict[str, Any], limit: int) -> list[str]:
    seen: list[str] = []
    following: dict[str, str] = {}
    while True:
        params = {**asked, "limit": limit, **following}
        answer = await api.get("/v1/escalations", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += [one["escalation_id"] for one in page["escalations"]]
        if page["next"] is None:
            return seen
        assert len(page["escalations"]) == limit
        following = {"cursor": page["next"]}


@pytest.mark.parametrize("seed", range(3))
async def test_every_list_agrees_with_a_plain_sort_and_filter(
    api: httpx.AsyncClient, desk: Desk, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    upstairs = invented(chance, 80)
    await written(desk.database, upstairs)
    now = await desk.now()
    # Noon is now, so that half of the deadlines have passed.
    desk.database.clock.offset = NOON - now
    found = 0
    for _ in range(40):
        asked = query(chance, upstairs)
        listed = await pages(api, asked, limit=chance.choice([1, 3, 10, 200]))
        assert listed == expected(upstairs, asked, NOON), asked
        found += len(listed)
    assert found > 100


async def test_what_comes_and_goes_while_pages_are_read_disturbs_nobody_else(
    api: httpx.AsyncClient, desk: Desk
) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    upstairs = invented(chance, 40)
    await written(desk.database, upstairs)
    asked = {"sort": "severity"}
    whole = expected(upstairs, asked, NOON)
    first = (await api.get("/v1/escalations", params={**asked, "limit": 5})).json()
    gone = next(one for one in upstairs if one.id == whole[4])
    async with desk.database.transaction() as uow:
        held = await uow.escalations.lock(EscalationId(gone.id))
        assert held is not None
        uow.escalations.save(replace(held, state="resolved", deadline=None))
    await written(desk.database, invented(chance, 10))
    rest: dict[str, Any] = {**asked, "limit": 200, "cursor": first["next"]}
    following = (await api.get("/v1/escalations", params=rest)).json()["escalations"]
    seen = [one["escalation_id"] for one in following]
    known = {one.id for one in upstairs}
    assert [one for one in seen if one in known] == whole[5:]


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
async def test_what_a_list_can_not_be_asked_is_refused_with_its_place(
    api: httpx.AsyncClient, params: dict[str, str], place: str
) -> None:
    answer = await api.get("/v1/escalations", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"].startswith(f"{place}:")


async def test_a_cursor_of_another_list_is_refused(api: httpx.AsyncClient, desk: Desk) -> None:
    await written(desk.database, invented(random.Random(1), 20))  # noqa: S311 - no secret
    cursor = (await api.get("/v1/escalations?limit=1")).json()["next"]
    assert (await api.get(f"/v1/escalations?cursor={cursor}&limit=7")).status_code == 200
    for other in ("sort=newest", "severity=high", "overdue=true", "state=raised"):
        answer = await api.get(f"/v1/escalations?cursor={cursor}&{other}")
        assert answer.status_code == 422
        assert "another sort or other filters" in answer.json()["detail"]


@pytest.mark.parametrize("sort", sorted(SORTS))
async def test_whatever_the_open_list_is_narrowed_to_the_closed_are_not_read(
    desk: Desk, sort: str
) -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    upstairs = invented(chance, 3000)
    # Few are open, as in life.
    few = [
        one
        for n, one in enumerate(upstairs)
        if one.escalation.state not in OPEN_STATES or n % 10 == 0
    ]
    await written(desk.database, few)
    still_open = sum(one.escalation.state in OPEN_STATES for one in few)
    async with desk.database.engine.connect() as connection:
        own = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await own.exec_driver_sql("ANALYZE escalations")
        await own.exec_driver_sql("ANALYZE watches")
    asked = query(chance, few)
    some: dict[str, Any] = {name: value for name, value in asked.items() if name != "state"}
    for wanted in ({}, *({name: value} for name, value in some.items()), {"tier": ["vip"]}):
        async with desk.database.transaction() as uow:
            # As it may come to be after some calls: the planner no longer sees what is asked.
            await uow.connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
            before = (await uow.connection.execute(_READ)).all()
            await uow.reading.escalations(
                Wanted.model_validate({**wanted, "sort": sort}), uow.now, None, 51
            )
            after = (await uow.connection.execute(_READ)).all()
        for was, now in zip(before, after, strict=True):
            assert now.seq_scan == was.seq_scan, (wanted, now)
            assert now.idx_tup_fetch - was.idx_tup_fetch <= still_open, (wanted, now)


_READ = text("""
    SELECT relname, seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables
    WHERE schemaname = current_schema() AND relname IN ('escalations', 'watches') ORDER BY relname
""")


def deadlines(chance: random.Random, at: datetime) -> list[Event]:
    """Have deadlines noticed a little or much too late, and some things happen without one."""
    events: list[Event] = []
    for _ in range(300):
        own = {"contact_id": ContactId(new_id()), "occurred_at": at}
        late = round(chance.expovariate(1 / 20), 3)
        escalation_id = EscalationId(new_id())
        policy = chance.choice([None, "gold", "silver"])
        clock = chance.choice(["assignment", "resolution"])
        level = {"escalation_id": escalation_id, "level": 1, "level_name": "managers"}
        climbed = {"escalation_id": escalation_id, "from_level": 0, "to_level": 1}
        waited_for = chance.choice(["acknowledgement_due", "lease"])
        kinds: list[tuple[type[Event], dict[str, Any]]] = [
            (ClockBreached, {"clock": clock, "due_at": at, "policy_id": policy}),
            (
                ClockWarned,
                {"clock": clock, "due_at": at, "policy_id": policy, "threshold_percent": 80},
            ),
            (EscalationReturned, {**level, "from_person": "sam", "reason": "shift over"}),
            (EscalationUnanswered, {**level, "waited_for": waited_for}),
            (
                EscalationClimbed,
                {**climbed, "level_name": "m", "reason": "", "waited_for": waited_for},
            ),
            (EscalationClimbed, {**climbed, "level_name": "m", "reason": "referred up"}),
        ]
        kind, data = chance.choice(kinds)
        timed = kind is not EscalationClimbed or "waited_for" in data
        known = {**own, **data, **({"lateness_ms": late} if timed else {})}
        events.append(kind.model_validate(known))
    return events


def kind_of(event: Any) -> str | None:
    if isinstance(event, ClockBreached | ClockWarned):
        return event.clock
    if isinstance(event, EscalationReturned):
        return "lease"
    kind: str | None = event.waited_for
    return kind


def figures(events: Sequence[Any]) -> list[dict[str, Any]]:
    late: dict[tuple[str | None, str], list[float]] = defaultdict(list)
    for event in events:
        kind = kind_of(event)
        if kind is not None:
            late[getattr(event, "policy_id", None), kind].append(event.lateness_ms)
    return [
        {
            "policy": policy,
            "kind": kind,
            "count": len(values),
            "p50_ms": sorted(values)[math.ceil(0.5 * len(values)) - 1],
            "p99_ms": sorted(values)[math.ceil(0.99 * len(values)) - 1],
            "max_ms": max(values),
            "over_50_ms": sum(value > 50 for value in values),
        }
        for (policy, kind), values in sorted(
            late.items(), key=lambda one: (one[0][0] or "~", one[0][1])
        )
    ]


async def test_published_lateness_agrees_with_plain_arithmetic(
    api: httpx.AsyncClient, desk: Desk
) -> None:
    chance = random.Random(11)  # noqa: S311 - no secret
    now = await desk.now()
    today = deadlines(chance, now - timedelta(hours=1))
    before = deadlines(chance, now - timedelta(days=2))
    async with desk.database.transaction() as uow:
        uow.outbox.add([*today, *before])
    shown = (await api.get("/v1/lateness", headers=key("rita"))).json()
    assert shown["deadlines"] == figures(today)
    assert len(shown["deadlines"]) == 8
    gold = (await api.get("/v1/lateness?policy=gold")).json()["deadlines"]
    assert gold == [one for one in figures(today) if one["policy"] == "gold"]
    since, until = (now - timedelta(days=3)).isoformat(), (now - timedelta(days=1)).isoformat()
    params = {"since": since, "until": until}
    older = (await api.get("/v1/lateness", params=params)).json()["deadlines"]
    assert older == figures(before)


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, "query/until"),
        ({"since": "2026-03-02T00:00:00Z", "until": "2026-04-03T00:00:00Z"}, "query/until"),
        # Without an end it is until now, which may be long after.
        ({"since": "2020-01-01T00:00:00Z"}, "query/until"),
        ({"since": "2199-01-01T00:00:00Z"}, "query/until"),
        ({"since": "2026-01-01T00:00:00"}, "query/since"),
        ({"since": "9999-12-31T23:59:59-14:00"}, "query/since"),
        ({"until": "0001-01-01T00:00:00Z"}, "query/until"),
    ],
)
async def test_lateness_of_a_time_that_makes_no_sense_is_refused(
    api: httpx.AsyncClient, params: dict[str, str], place: str
) -> None:
    refused = await api.get("/v1/lateness", params=params)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == place


async def rolled_back(database: Database[UnitOfWork], events: Sequence[Event]) -> None:
    async with database.transaction() as uow:
        uow.outbox.add(events)
        raise ZeroDivisionError


async def test_each_deadline_is_measured_once_it_is_committed(desk: Desk) -> None:
    metrics = Metrics()
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
        }
    )
    build(settings).workers(desk.database, metrics, Health())
    events = deadlines(random.Random(5), await desk.now())  # noqa: S311 - no secret
    name = "upstairs_deadline_lateness_seconds"
    with pytest.raises(ZeroDivisionError):
        await rolled_back(desk.database, events)
    assert metrics.registry.get_sample_value(f"{name}_count") is None
    async with desk.database.transaction() as uow:
        uow.outbox.add(events)
    for one in figures(events):
        labels = {"policy": one["policy"] or "", "kind": one["kind"]}
        assert metrics.registry.get_sample_value(f"{name}_count", labels) == one["count"]
        prompt = metrics.registry.get_sample_value(f"{name}_bucket", {**labels, "le": "0.05"})
        assert prompt == one["count"] - one["over_50_ms"]
