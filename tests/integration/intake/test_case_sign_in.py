"""Intake signs in to read cases: refused credentials, revoked tokens, systems that are silent."""

import asyncio
from datetime import timedelta

import httpx
from aiohttp import web

from common.storage.database import Database
from intake.store import UnitOfWork
from intake.store.case_reads import MAX_UNDER_WAY
from integration.intake.case_reading_harness import (
    CASE,
    INCIDENT,
    Reading,
    connect,
    contact_of,
    deliver,
    texts,
    waiting,
)
from support.case_systems import DynamicsStandIn
from support.databases import rows
from support.loopback_server import LoopbackServer
from support.probe import run_workers
from support.waiting import until


async def test_refused_credentials_are_not_sent_for_ever(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await connect(channel, dynamics.url, app_secret="another-secret-of-a-test-9d1e")
    await deliver(channel)
    reading = Reading(database, dynamics.url)
    await reading.fail_times(1)
    assert reading.failure_codes() == ["credentials-refused"]
    await reading.fail_times(6)
    assert len([call for call in dynamics.calls if "token" in call.path]) == 3
    assert reading.failure_codes() == ["sign-in-stopped"]
    assert "another-secret" not in str(await rows(database, "SELECT * FROM sign_ins"))
    await connect(channel, dynamics.url)
    database.clock.offset += timedelta(minutes=6)
    async with reading.run_until("read"):
        pass
    assert "No hot water since Monday." in await texts(database)
    assert await rows(database, "SELECT * FROM sign_ins") == []


async def deliver_many(
    channel: httpx.AsyncClient, dynamics: DynamicsStandIn, count: int, name: str = "acme"
) -> None:
    for n in range(count):
        case = f"{n}{CASE[1:]}"
        dynamics.incidents[case] = dict(INCIDENT)
        await deliver(channel, operation=case, case=case, name=name)


async def test_system_that_does_not_answer_delays_no_case_of_another(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    calls = 0

    async def never_answer(_request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", never_answer)
    dynamics.checks_scope = False
    async with LoopbackServer(app, shutdown_timeout_s=0.1) as silent:
        await connect(channel, silent.url, name="silent")
        await deliver_many(channel, dynamics, 9, name="silent")
        reading = Reading(database, dynamics.url)
        async with run_workers(reading.worker):
            await until(lambda: calls, lambda count: count == MAX_UNDER_WAY)
            await deliver(channel)
            await reading.wait_for("read", 1)
            assert (calls, reading.count("failed")) == (MAX_UNDER_WAY, 0)
    assert (await contact_of(database)).external_ref == CASE


async def test_first_attempts_come_before_others(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    dynamics.takes_tokens = False
    await deliver_many(channel, dynamics, 2)
    async with Reading(database, dynamics.url).run_until("failed", 2):
        pass
    database.clock.offset += timedelta(minutes=6)
    await deliver(channel)
    async with database.transaction() as uow:
        first = await uow.case_reads.claim_due("a-test")
    assert first is not None
    assert (first.case_ref, first.is_opened) == (CASE, False)


async def test_new_secret_that_servers_do_not_know_yet_is_tried_for_minutes(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    """However many cases wait, and in however many processes."""
    await connect(channel, dynamics.url, app_secret="another-secret-of-a-test-9d1e")
    await deliver_many(channel, dynamics, 9)
    readings = [Reading(database, dynamics.url) for _ in range(2)]
    async with run_workers(*(each.worker for each in readings)):
        await until(
            lambda: sum(each.count("failed") for each in readings), lambda count: count >= 20
        )
    (refusal,) = await rows(database, "SELECT refusals FROM sign_ins")
    assert refusal.refusals == 1
    # Both may have asked before the other was refused.
    assert len([call for call in dynamics.calls if "token" in call.path]) <= 2
    codes = {code for each in readings for code in each.failure_codes()}
    assert codes == {"credentials-refused"}


async def test_system_that_takes_no_token_for_a_while_is_asked_again(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    dynamics.takes_tokens = False
    await deliver_many(channel, dynamics, 9)
    reading = Reading(database, dynamics.url)
    async with reading.run_until("failed", 20):
        assert set(reading.failure_codes()) == {"credentials-refused"}
    dynamics.takes_tokens = True
    database.clock.offset += timedelta(minutes=6)
    async with reading.run_until("read", 9):
        pass
    assert await waiting(database) == 0


async def test_revoked_token_is_replaced_once(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    reading = Reading(database, dynamics.url)
    async with run_workers(reading.worker):
        await deliver(channel)
        await until(lambda: reading.count("read"))
        dynamics.tokens.clear()
        await deliver(channel, operation="f2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a")
        await until(lambda: reading.count("read"), lambda count: count == 2)
    assert len(dynamics.tokens) == 1
