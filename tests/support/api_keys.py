"""A service whose API keys are in its table, and its commands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
from fastapi import Depends
from typer.testing import CliRunner, Result

from common.core.health import Health
from common.core.metrics import Metrics
from common.http.access import Principal, require_role
from common.http.routes import ApiRouter
from common.messaging.subscriptions import HandlerRegistry
from common.service.api_key_worker import ApiKeyWorker
from common.service.cli import service_cli
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec, application
from common.storage.api_keys import make_key, parse_key_list
from common.storage.database import Database
from support.probe import NAME, Broker, UnitOfWork

OPS = make_key()
SHOP = make_key()
LISTED = f"admin:ops:{OPS},channel:shop:{SHOP}"
STRONG_KEY = "q8Z1r5Vb0uTnXy7cE3wJpL2sKd9fGhMa"

router = ApiRouter(prefix="/v1", tags=["probe"])


@router.get("/mine")
@router.post("/mine")
async def mine(
    principal: Annotated[Principal, Depends(require_role("supervisor", "channel"))],
) -> dict[str, str]:
    return {"name": principal.name}


SPEC = ServiceSpec(NAME, UnitOfWork, HandlerRegistry[UnitOfWork](), [router])


class Replica:
    """One process of the service: its API, and the worker that keeps its keys."""

    def __init__(
        self, database: Database[UnitOfWork], listed: str = LISTED, **changes: Any
    ) -> None:
        settings = Broker("unused", "unused").make_settings(api_keys=listed, **changes)
        self.app = app = application(SPEC, settings, database, Metrics())
        self.health = Health()
        self.worker = ApiKeyWorker(
            database, app.state.api_keys, app.state.tokens, parse_key_list(listed), self.health
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://probe")

    async def status(self, key: str, method: str = "GET") -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return (await self.client.request(method, "/v1/mine", headers=headers)).status_code

    async def admin(self, method: str, path: str = "", body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {OPS}"}
        answer = await self.client.request(
            method, f"/v1/api-keys{path}", json=body, headers=headers
        )
        assert answer.status_code < 300, answer.text
        return answer.json()


@asynccontextmanager
async def open_replica(
    database: Database[UnitOfWork], listed: str = LISTED, **changes: Any
) -> AsyncIterator[Replica]:
    replica = Replica(database, listed, **changes)
    async with replica.client:
        await replica.worker.refresh()
        yield replica


@asynccontextmanager
async def running(*replicas: Replica) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for each in replicas:
            group.create_task(each.worker.run(stopping))
        try:
            yield
        finally:
            stopping.set()


def run_command(url: str, *words: str, stdin: str = "", **environment: str) -> Result:
    cli = service_cli(NAME, ServiceSettings, lambda _: SPEC)
    environment = {"UPSTAIRS_DATABASE_URL": url, "USER": "ann", **environment}
    return CliRunner().invoke(cli, ["api-keys", *words], env=environment, input=stdin)
