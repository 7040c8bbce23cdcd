"""Drafts tried on the past, as a job: queued, run with a lease, cancelled, and nobody else's."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.storage.database import open_session
from escalation.domain.simulation_job import FAULT
from escalation.workers import simulations
from escalation.workers.simulations import SimulationWorker
from integration.escalation.conftest import LADDER, POLICY, EscalationHarness, key
from integration.escalation.past_contacts import handle_past_contacts
from support.waiting import until

PATH = "/v1/simulations"
STRICT: dict[str, Any] = {**POLICY, "targets": [{"clock": "first_response", "target_s": 5}]}
# Longer than any lease.
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("configured")


def draft(body: dict[str, Any] = STRICT, kind: str = "sla-policies", **names: str) -> Any:
    return {"drafts": [{"kind": kind, "id": "gold", "body": body, **names}]}


async def ask(api: httpx.AsyncClient, caller: str = "mia", **changes: Any) -> httpx.Response:
    return await api.post(PATH, json={**draft(), **changes}, headers=key(caller))


async def show(api: httpx.AsyncClient, job: httpx.Response, caller: str = "mia") -> dict[str, Any]:
    answer = await api.get(job.headers["Location"], headers=key(caller))
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def run(service: EscalationHarness, **settings: Any) -> bool:
    return await SimulationWorker(service.database, **settings).run_next(asyncio.Event())


async def test_simulation_counts_what_the_draft_changes(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 120)
    job = await ask(api, answer_after_s=20)
    assert (job.status_code, job.json()["state"]) == (202, "queued")
    assert await run(service)
    done = await show(api, job)
    assert (done["state"], done["processed"], done["total"]) == ("done", 2, 2)
    result = done["result"]
    assert (result["contacts"], result["changed"]) == (2, 2)
    assert result["breaches"] == {"before": 1, "after": 2}
    (gold,) = result["policies"]
    clocks = {clock["clock"]: clock["breaches"] for clock in gold["clocks"]}
    assert clocks["first_response"] == {"before": 1, "after": 2}
    assert gold["escalations"] == {"before": 1, "after": 2}
    (level,) = result["levels"]
    assert level["level"] == "supervisors"
    assert level["pages"]["after"] == level["pages"]["before"] + 1
    met_before = [each for each in result["examples"] if not each["before"]["breaches"]]
    assert [each["after"]["breaches"] for each in met_before] == [["first_response"]]
    assert not await run(service)


async def test_only_the_latest_contacts_are_replayed(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 10, 10)
    job = await ask(api, latest_contacts=2)
    await run(service)
    assert (await show(api, job))["result"]["contacts"] == 2


async def test_job_of_a_process_that_was_killed_begins_again(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 120, 120)
    job = await ask(api)
    async with asyncio.TaskGroup() as tasks:
        killed = tasks.create_task(
            run(service, contacts_per_part=1, pause_between_parts=timedelta(minutes=1))
        )
        await until_processed(api, job, 1)
        killed.cancel()
    assert (await show(api, job))["state"] == "running"
    assert not await run(service), "the lease still holds"
    service.database.clock.offset += HOUR
    assert await run(service)
    done = await show(api, job)
    assert (done["state"], done["result"]["contacts"]) == ("done", 3)


async def until_processed(api: httpx.AsyncClient, job: httpx.Response, contacts: int) -> None:
    await until(lambda: show(api, job), lambda shown: shown["processed"] >= contacts)


# Sessions that have read a part; in a transaction they would be `idle in transaction`.
_READERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'FETCH % past_contacts'
      AND state = 'idle' AND backend_xmin IS NULL
"""


async def test_no_transaction_is_open_while_contacts_are_replayed(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    """Vacuum would wait for it."""
    await handle_past_contacts(service, 10, 120, 120)
    job = await ask(api)
    stopping = asyncio.Event()
    worker = SimulationWorker(
        service.database, contacts_per_part=1, pause_between_parts=timedelta(minutes=1)
    )

    async def readers() -> int:
        async with open_session(service.database.engine) as session:
            number: int = (await session.execute(text(_READERS))).scalar_one()
            return number

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run_next(stopping))
        await until_processed(api, job, 1)
        await until(readers, lambda number: number == 1)
        stopping.set()


async def test_events_that_are_deleted_meanwhile_still_count(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 120)
    job = await ask(api)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run(service, contacts_per_part=1, pause_between_parts=timedelta(milliseconds=500))
        )
        await until_processed(api, job, 1)
        async with service.database.transaction() as uow:
            await uow.connection.execute(text("DELETE FROM consumed_events"))
    assert (await show(api, job))["result"]["contacts"] == 2


async def test_process_that_stops_gives_the_job_back(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 120)
    job = await ask(api)
    stopping = asyncio.Event()
    worker = SimulationWorker(
        service.database, contacts_per_part=1, pause_between_parts=timedelta(minutes=1)
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run_next(stopping))
        await until_processed(api, job, 1)
        stopping.set()
    assert (await show(api, job))["state"] == "queued"


async def test_worker_that_lost_its_lease_writes_nothing_more(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 120)
    job = await ask(api)
    async with service.database.transaction() as uow:
        slow = await uow.simulations.claim(uow.now, timedelta(0))
    assert slow is not None
    service.database.clock.offset += HOUR
    async with service.database.transaction() as uow:
        other = await uow.simulations.claim(uow.now, HOUR)
        assert other is not None
    async with service.database.transaction() as uow:
        assert not await uow.simulations.save_progress(slow, 2, 1, uow.now)
        await uow.simulations.fail(slow, FAULT)
    assert (await show(api, job))["state"] == "running"


async def test_job_that_always_ends_its_process_fails(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    job = await ask(api)
    for _ in range(3):
        async with service.database.transaction() as uow:
            assert await uow.simulations.claim(uow.now, timedelta(0))
        service.database.clock.offset += HOUR
    assert not await run(service)
    failed = await show(api, job)
    assert failed["state"] == "failed"
    assert "interrupted" in failed["failure"]


async def test_fault_fails_the_job_and_not_the_worker(
    service: EscalationHarness, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await handle_past_contacts(service, 10)
    job = await ask(api)
    # A process that can't begin breaks the pool.
    monkeypatch.setattr(simulations, "_LOWEST_PRIORITY", "none")
    monkeypatch.setattr(simulations, "_initialize_process", int)
    assert await run(service)
    failed = await show(api, job)
    assert failed["state"] == "failed"
    assert "log" in failed["failure"]


async def test_running_job_stops_when_it_is_cancelled(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await handle_past_contacts(service, 10, 120, 120)
    job = await ask(api)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run(service, contacts_per_part=1, pause_between_parts=timedelta(milliseconds=500))
        )
        await until_processed(api, job, 1)
        answer = await api.delete(job.headers["Location"], headers=key("mia"))
        assert answer.status_code == 204
    cancelled = await show(api, job)
    assert (cancelled["state"], cancelled["result"]) == ("cancelled", None)
    assert not await run(service)


async def test_queued_job_is_cancelled_and_ended_one_stays(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    cancelled, done = await ask(api), await ask(api)
    await api.delete(cancelled.headers["Location"], headers=key("mia"))
    assert await run(service)
    await api.delete(done.headers["Location"], headers=key("mia"))
    states = [(await show(api, job))["state"] for job in (cancelled, done)]
    assert states == ["cancelled", "done"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (draft({**STRICT, "ladder_id": "none"}), "body/drafts/0/body/ladder_id"),
        (draft({**STRICT, "targets": []}), "body/drafts/0/body/targets"),
        (draft({**LADDER, "levels": LADDER["levels"][:1]}, "ladders"), "body/drafts/0/body/levels"),
        (draft(kind="people"), "body/drafts/0"),
        ({"drafts": []}, "body/drafts"),
        (
            draft() | {"since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"},
            "body/until",
        ),
        (draft() | {"since": "2020-01-01T00:00:00Z"}, "body/until"),
        (draft() | {"latest_contacts": 1_000_000}, "body/latest_contacts"),
    ],
)
async def test_wrong_draft_is_refused_with_its_place(
    api: httpx.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    answer = await api.post(PATH, json=body, headers=key("mia"))
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


async def test_draft_that_became_wrong_fails_with_the_reason(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await api.put("/v1/ladders/other", json=LADDER, headers=key("mia"))
    job = await ask(api, **draft({**STRICT, "ladder_id": "other"}))
    await api.delete("/v1/ladders/other", headers=key("mia"))
    assert await run(service)
    failed = await show(api, job)
    assert failed["state"] == "failed"
    assert "There is no ladder other." in failed["failure"]


async def test_job_of_somebody_else_is_not_found(api: httpx.AsyncClient) -> None:
    job = await ask(api)
    for method in ("GET", "DELETE"):
        answer = await api.request(method, job.headers["Location"], headers=key("ops"))
        assert (answer.status_code, answer.json()["type"]) == (
            404,
            "urn:upstairs:problem:simulation-not-found",
        )
    assert (await show(api, job))["state"] == "queued"
    assert (await ask(api, "sam")).status_code == 403


async def test_fourth_open_job_of_a_person_waits_its_turn(api: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await ask(api)).status_code == 202
    refused = await ask(api)
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:upstairs:problem:too-many-simulations"
    assert (await ask(api, "ops")).status_code == 202
