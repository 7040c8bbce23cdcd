"""A case of which Dynamics leaves out the columns is read there: once, in order, and later."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.case_reading_harness import (
    CASE,
    CUSTOMER,
    SECRET,
    UPDATED_MS,
    Reading,
    connect,
    contact_of,
    deliver,
    texts,
    waiting,
)
from integration.intake.harness import key, published
from support.case_systems import CLIENT_ID, CLIENT_SECRET, TENANT, DynamicsStandIn
from support.databases import rows
from support.loopback_server import LoopbackServer
from support.probe import run_workers
from support.waiting import until


async def test_case_without_columns_becomes_a_whole_contact_once(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    reading = Reading(database, dynamics.url)
    async with run_workers(reading.worker):
        for times in (1, 2):
            await deliver(channel)
            await reading.wait_for("read", times)
    contact = await contact_of(database)
    assert (contact.subject, contact.topic, contact.priority) == (
        *("Boiler is cold", "questions", "high"),
    )
    assert (contact.customer_id, contact.external_ref) == (f"dynamics:acme:{CUSTOMER}", CASE)
    assert await texts(database) == ["No hot water since Monday."]
    names = await published(database)
    assert (names.count("contact_received"), names.count("customer_wrote")) == (1, 1)
    assert await waiting(database) == 0
    assert len(dynamics.tokens) == 1


async def test_many_workers_read_a_case_once(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await deliver(channel)
    readings = [Reading(database, dynamics.url) for _ in range(3)]
    async with run_workers(*(each.worker for each in readings)):
        await until(lambda: sum(each.count("read") for each in readings))
        await until(lambda: waiting(database), lambda count: count == 0)
    assert sum(call.path.startswith("/api") for call in dynamics.calls) == 1


async def test_delivery_is_answered_while_dynamics_hangs(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    reading = Reading(database, dynamics.url, timeout_s=0.2)
    async with dynamics.hanging(), run_workers(reading.worker):
        await deliver(channel)
        await until(lambda: reading.count("failed"))
    (note,) = await texts(database)
    assert note.startswith("Dynamics left out columns")
    assert (await contact_of(database)).state == "open"
    assert reading.failure_codes() == ["case-unreadable"]


async def test_contact_of_an_unreadable_case_is_filled_later(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    reading = Reading(database, dynamics.url, timeout_s=0.2)
    async with run_workers(reading.worker):
        async with dynamics.hanging():
            await deliver(channel)
            await until(lambda: reading.count("failed"))
        database.clock.offset += timedelta(minutes=1)
        await until(lambda: reading.count("read"))
    contact = await contact_of(database)
    assert (contact.priority, contact.state) == ("high", "open")
    written = await texts(database)
    assert "No hot water since Monday." in written
    assert "Read in Dynamics: Boiler is cold. Customer: Ada Lovelace." in written
    assert len(written) == 3
    assert (await published(database)).count("contact_received") == 1


async def test_later_event_that_came_first_counts_more(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await deliver(channel)
    solved: dict[str, Any] = {
        "statecode": {"Value": 1},
        "statuscode": {"Value": 5},
        "prioritycode": {"Value": 3},
    }
    operation = "e2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a"
    await deliver(channel, "Update", operation, UPDATED_MS, title="Boiler is warm", **solved)
    # The picture that is read is of before.
    async with Reading(database, dynamics.url).run_until("read"):
        pass
    contact = await contact_of(database)
    assert (contact.state, contact.priority) == ("resolved", "low")
    assert await texts(database) == ["No hot water since Monday."]


async def test_picture_of_a_later_change_counts_more_than_an_earlier_event(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    changed = {"statecode": 1, "statuscode": 5, "modifiedon": "2026-11-20T10:10:00Z"}
    dynamics.incidents[CASE] |= changed
    await deliver(channel)
    async with Reading(database, dynamics.url).run_until("read"):
        pass
    operation = "e2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a"
    between = UPDATED_MS - 60_000
    await deliver(channel, "Update", operation, between, statuscode={"Value": 1}, statecode=0)
    assert (await contact_of(database)).state == "resolved"


async def erase(api: httpx.AsyncClient, customer_id: str) -> None:
    answer = await api.post(f"/v1/customers/{customer_id}/erase", headers=key("admin"))
    assert answer.status_code == 202, answer.text


async def test_nothing_comes_back_of_a_contact_that_was_erased_meanwhile(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await deliver(channel)
    operation = "e2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a"
    customer = {"Id": CUSTOMER, "LogicalName": "contact", "Name": "Ada Lovelace"}
    await deliver(channel, "Update", operation, UPDATED_MS, customerid=customer)
    await erase(channel, f"dynamics:acme:{CUSTOMER}")
    assert await waiting(database) == 0
    reading = Reading(database, dynamics.url)
    async with run_workers(reading.worker):
        await deliver(channel, operation="f2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a")
        await until(lambda: reading.count("read"))
    # What came after the erasure is stored again, as of any other delivery.
    assert await texts(database) == ["No hot water since Monday."]


async def test_nothing_comes_back_of_a_customer_who_was_erased_before_the_case_was_read(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    customer_id = f"dynamics:acme:{CUSTOMER}"
    other = "9a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
    customer = {"Id": CUSTOMER, "LogicalName": "contact", "Name": "Ada Lovelace"}
    await deliver(channel, operation=other, case=other, customerid=customer)
    await deliver(channel)
    await erase(channel, customer_id)
    async with Reading(database, dynamics.url).run_until("erased"):
        pass
    (contact,) = await rows(database, f"SELECT * FROM contacts WHERE external_ref = '{CASE}'")
    assert contact.subject == f"Case {CASE}"
    assert "Monday" not in " ".join(await texts(database))
    names = await rows(database, f"SELECT name FROM customers WHERE customer_id = '{customer_id}'")
    assert [row.name for row in names] == [None]


async def test_system_in_our_own_network_is_not_called(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await deliver(channel)
    reading = Reading(database, dynamics.url, networks="")
    async with reading.run_until("failed"):
        pass
    assert dynamics.calls == []
    assert (await contact_of(database)).state == "open"


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(body=b"x" * 2_000_000, content_type="application/json"),
        web.Response(text="<html>", content_type="text/html"),
        web.Response(status=302, headers={"Location": "http://169.254.169.254/"}),
        web.json_response({"incidentid": "8a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"}),
        web.json_response([]),
        web.Response(body=b'{"incidentid": "' + CASE.encode() + b'"', content_type="text/plain"),
        web.Response(status=500, text=CLIENT_SECRET),
    ],
)
async def test_answer_that_is_no_case_leaves_a_contact_with_a_note(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], answer: web.Response
) -> None:
    body, status, headers = answer.body, answer.status, dict(answer.headers)

    async def give_token(_request: web.Request) -> web.Response:
        return web.json_response({"access_token": "a-token", "expires_in": 3600})

    async def give_case(_request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    app = web.Application()
    app.router.add_post("/{tenant}/oauth2/v2.0/token", give_token)
    app.router.add_get("/api/{path:.*}", give_case)
    async with LoopbackServer(app) as server:
        await connect(channel, server.url)
        await deliver(channel)
        reading = Reading(database, server.url)
        async with reading.run_until("failed"):
            pass
    (note,) = await texts(database)
    assert note.startswith("Dynamics left out columns")
    (noticed,) = reading.noticed.take()
    assert noticed.failure_detail is not None
    assert CLIENT_SECRET not in noticed.failure_detail


async def test_case_that_is_gone_is_not_read_again(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    dynamics.incidents.clear()
    await deliver(channel)
    async with Reading(database, dynamics.url).run_until("gone"):
        pass
    assert await waiting(database) == 0
    assert (await contact_of(database)).external_ref == CASE


async def test_case_of_a_connection_that_is_archived_meanwhile_is_a_contact(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await deliver(channel)
    answer = await channel.delete("/v1/channels/dynamics/acme", headers=key("admin"))
    assert answer.status_code == 204
    async with Reading(database, dynamics.url).run_until("gone"):
        pass
    assert (await contact_of(database)).external_ref == CASE
    assert await waiting(database) == 0


async def test_case_is_given_up_after_a_day(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    await deliver(channel)
    reading = Reading(database, dynamics.url, networks="")
    async with run_workers(reading.worker):
        await until(lambda: reading.count("failed"))
        database.clock.offset += timedelta(days=1, minutes=1)
        await until(lambda: reading.count("expired"))
    assert await waiting(database) == 0
    assert len(await texts(database)) == 1


async def test_case_that_hangs_stops_no_other(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> None:
    async with DynamicsStandIn() as slow, slow.hanging():
        reading = {"base_url": slow.url, "tenant_id": TENANT, "client_id": CLIENT_ID}
        answer = await channel.put(
            "/v1/channels/dynamics/slow",
            json={
                "secret": SECRET,
                "app_secret": {"value": CLIENT_SECRET},
                "options": {"read_from": reading},
            },
            headers=key("admin"),
        )
        assert answer.status_code == 204
        worker = Reading(database, dynamics.url)
        body = {"MessageName": "Create", "PrimaryEntityName": "incident", "PrimaryEntityId": CASE}
        headers = {"X-Secret": SECRET, "x-ms-dynamics-msg-size-exceeded": "True"}
        answer = await channel.post(
            "/v1/channels/dynamics/slow", content=json.dumps(body).encode(), headers=headers
        )
        assert answer.status_code == 200
        await deliver(channel)
        async with asyncio.timeout(60), worker.run_until("read"):
            pass
