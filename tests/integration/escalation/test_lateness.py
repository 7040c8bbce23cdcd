"""The lateness report and metric agree with plain arithmetic."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import EscalationClimbed, EscalationReturned, EscalationUnanswered
from common.contracts.event import ContactId, EscalationId, Event
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.storage.database import Database
from escalation.main import build
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from integration.escalation.conftest import EscalationHarness, key


def deadlines(chance: random.Random, at: datetime) -> list[Event]:
    """Make events of deadlines handled a little or much too late, and some without a deadline."""
    events: list[Event] = []
    for _ in range(300):
        own = {"contact_id": ContactId(new_id()), "occurred_at": at}
        late = round(chance.expovariate(1 / 20), 3)
        escalation_id = EscalationId(new_id())
        policy = chance.choice(["gold", "silver", "bronze"])
        clock = {
            "clock": chance.choice(["assignment", "resolution"]),
            "due_at": at,
            "policy_id": policy,
            "policy_version": 1,
        }
        level = {"escalation_id": escalation_id, "level": 1, "level_name": "managers"}
        climbed = {"escalation_id": escalation_id, "from_level": 0, "to_level": 1}
        waited_for = chance.choice(["acknowledgement_due", "lease"])
        kinds: list[tuple[type[Event], dict[str, Any]]] = [
            (ClockBreached, {**clock, "run": 1}),
            (
                ClockWarned,
                {
                    **clock,
                    "threshold_percent": 80,
                    "threshold_due_at": at,
                    "action": "warn_supervisor",
                },
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
        fields = {**own, **data, **({"lateness_ms": late} if timed else {})}
        events.append(msgspec.convert(fields, kind))
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
            late.items(), key=lambda item: (item[0][0] or "~", item[0][1])
        )
    ]


async def test_lateness_report_agrees_with_plain_arithmetic(
    api: httpx.AsyncClient, service: EscalationHarness
) -> None:
    chance = random.Random(11)
    now = await service.now()
    today = deadlines(chance, now - timedelta(hours=1))
    before = deadlines(chance, now - timedelta(days=2))
    async with service.database.transaction() as uow:
        uow.outbox.add([*today, *before])
    shown = (await api.get("/v1/lateness", headers=key("sam"))).json()
    assert shown["deadlines"] == figures(today)
    assert len(shown["deadlines"]) == 8
    gold = (await api.get("/v1/lateness?policy=gold")).json()["deadlines"]
    assert gold == [row for row in figures(today) if row["policy"] == "gold"]
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
async def test_lateness_of_invalid_period_is_refused(
    api: httpx.AsyncClient, params: dict[str, str], place: str
) -> None:
    refused = await api.get("/v1/lateness", params=params)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == place


async def rolled_back(database: Database[UnitOfWork], events: Sequence[Event]) -> None:
    async with database.transaction() as uow:
        uow.outbox.add(events)
        raise ZeroDivisionError


async def test_lateness_metric_counts_committed_deadlines_only(service: EscalationHarness) -> None:
    metrics = Metrics()
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
        }
    )
    build(settings).workers(service.database, metrics, Health())
    events = deadlines(random.Random(5), await service.now())
    name = "upstairs_deadline_lateness_seconds"
    with pytest.raises(ZeroDivisionError):
        await rolled_back(service.database, events)
    assert metrics.registry.get_sample_value(f"{name}_count") is None
    async with service.database.transaction() as uow:
        uow.outbox.add(events)
    for row in figures(events):
        labels = {"policy": row["policy"] or "", "kind": row["kind"]}
        assert metrics.registry.get_sample_value(f"{name}_count", labels) == row["count"]
        prompt = metrics.registry.get_sample_value(f"{name}_bucket", {**labels, "le": "0.05"})
        assert prompt == row["count"] - row["over_50_ms"]
