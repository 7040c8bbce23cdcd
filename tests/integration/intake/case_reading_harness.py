"""The worker that reads cases in Dynamics, and what tests of it need."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from common.core.metrics import Metrics
from common.core.networks import read_networks
from common.http.guarded_calls import GuardedCalls
from common.storage.database import Database
from intake.access_tokens import AccessTokens
from intake.case_systems.dynamics import DynamicsCases
from intake.connections.activity import NoticedActivity
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.metrics import CaseReadMetrics
from intake.store import UnitOfWork
from intake.workers.case_reading import CaseReadingWorker, CaseRules
from integration.intake.harness import key
from support.case_systems import CLIENT_ID, CLIENT_SECRET, TENANT
from support.databases import rows
from support.probe import run_workers, sum_samples
from support.waiting import until

SECRET = "a-secret-of-a-test-7f3c"
CASE = "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
CUSTOMER = "11aa9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"
LABEL = "@OData.Community.Display.V1.FormattedValue"
INCIDENT = {
    "title": "Boiler is cold",
    "description": "No hot water since Monday.",
    "ticketnumber": "CAS-01042",
    "_customerid_value": CUSTOMER,
    f"_customerid_value{LABEL}": "Ada Lovelace",
    "statecode": 0,
    "statuscode": 1,
    "prioritycode": 1,
    f"prioritycode{LABEL}": "High",
    "isescalated": False,
    "casetypecode": 1,
    f"casetypecode{LABEL}": "Question",
    "createdon": "2026-11-20T10:00:00Z",
    "modifiedon": "2026-11-20T10:00:00Z",
    "emailaddress": None,
}
# 2026-11-20T10:00:00.400Z, and ten minutes later.
CREATED_MS, UPDATED_MS = 1_795_168_800_400, 1_795_169_400_000


async def connect(
    api: httpx.AsyncClient,
    base_url: str,
    app_secret: str = CLIENT_SECRET,
    name: str = "acme",
    **fields: Any,
) -> None:
    reading = {"base_url": base_url, "tenant_id": TENANT, "client_id": CLIENT_ID}
    topics = {"casetypecode=Question": "questions"}
    answer = await api.put(
        f"/v1/channels/dynamics/{name}",
        json={
            "secret": SECRET,
            "app_secret": {"value": app_secret},
            "options": {"read_from": reading, "topic_by_tag": topics},
            **fields,
        },
        headers=key("admin"),
    )
    assert answer.status_code == 204, answer.text


async def deliver(
    api: httpx.AsyncClient,
    message: str = "Create",
    operation: str = "d2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a",
    at_ms: int = CREATED_MS,
    case: str = CASE,
    name: str = "acme",
    **columns: Any,
) -> httpx.Response:
    """Post what a webhook says of the case; without columns it has left them out."""
    pairs = [{"key": name, "value": value} for name, value in columns.items()]
    body = {
        "MessageName": message,
        "PrimaryEntityName": "incident",
        "PrimaryEntityId": case,
        "OperationId": operation,
        "OperationCreatedOn": f"/Date({at_ms})/",
        "InputParameters": [{"key": "Target", "value": {"Attributes": pairs}}] if pairs else [],
    }
    headers = {"X-Secret": SECRET, "Content-Type": "application/json"}
    if not pairs:
        headers["x-ms-dynamics-msg-size-exceeded"] = "True"
    answer = await api.post(
        f"/v1/channels/dynamics/{name}", content=json.dumps(body).encode(), headers=headers
    )
    assert answer.status_code == 200, answer.text
    return answer


class Reading:
    """The worker of one process."""

    def __init__(
        self,
        database: Database[UnitOfWork],
        login_url: str,
        networks: str = "127.0.0.0/8",
        timeout_s: float = 20,
    ) -> None:
        calls = GuardedCalls(
            read_networks(networks), timeout_s=timeout_s, max_answer_bytes=1_000_000
        )
        self.metrics = CaseReadMetrics(Metrics())
        self.noticed = NoticedActivity()
        self.database = database
        self.worker = CaseReadingWorker(
            {"dynamics": DynamicsCases(calls, login_url, database.clock)},
            AccessTokens(calls, database),
            database,
            CaseRules(CustomerNamespaces({}), SignReader(standard_rules())),
            self.noticed,
            self.metrics,
            poll_s=0.2,
        )

    def count(self, outcome: str) -> float:
        return sum_samples(self.metrics.reads, outcome=outcome)

    async def wait_for(self, outcome: str, times: int) -> None:
        await until(lambda: self.count(outcome), lambda count: count >= times)

    @asynccontextmanager
    async def run_until(self, outcome: str, times: int = 1) -> AsyncIterator[None]:
        async with run_workers(self.worker):
            await self.wait_for(outcome, times)
            yield

    async def fail_times(self, times: int) -> None:
        """Run it until so many attempts have failed, each when it is due."""
        async with run_workers(self.worker):
            for number in range(1, times + 1):
                await self.wait_for("failed", number)
                self.database.clock.offset += timedelta(minutes=6)

    def failure_codes(self) -> list[str | None]:
        return [row.failure_code for row in self.noticed.take()]


async def contact_of(database: Database[UnitOfWork]) -> Any:
    (contact,) = await rows(database, "SELECT * FROM contacts")
    return contact


async def texts(database: Database[UnitOfWork]) -> list[str]:
    return [row.text for row in await rows(database, "SELECT text FROM messages ORDER BY at, text")]


async def waiting(database: Database[UnitOfWork]) -> int:
    return len(await rows(database, "SELECT event_id FROM case_reads"))
