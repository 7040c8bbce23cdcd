"""A service as two processes: one answers requests, the other does the work."""

from pathlib import Path

import httpx
import pytest

from common.storage.database import Database
from devstack import free_port
from support.databases import Postgres
from support.outbox import add_events, count_pending, fetch_lock_holders
from support.probe import Broker, UnitOfWork, customer_wrote, new_contact
from support.running_service import run_process
from support.waiting import until


async def test_http_process_answers_and_leaves_the_outbox_to_the_workers(
    postgres: Postgres,
    database: Database[UnitOfWork],
    probe_url: str,
    broker: Broker,
    tmp_path: Path,
) -> None:
    port = free_port()
    async with (
        run_process(
            probe_url, broker, tmp_path / "http.log", parts="http", http_port=str(port)
        ) as http_process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as api,
    ):
        await add_events(database, customer_wrote(new_contact(), "hello"))
        assert (await api.get("/v1/dead-letters")).status_code == 401
        assert await fetch_lock_holders(postgres, database) == []
        assert await count_pending(database) == 1
        async with run_process(probe_url, broker, tmp_path / "workers.log", parts="workers"):
            await until(lambda: count_pending(database), lambda count: count == 0)
        assert http_process.running
    assert len(await broker.read_records()) == 1


async def test_worker_process_takes_no_requests(
    probe_url: str, broker: Broker, tmp_path: Path
) -> None:
    port = free_port()
    async with (
        run_process(
            probe_url, broker, tmp_path / "workers.log", parts="workers", http_port=str(port)
        ),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as api,
    ):
        with pytest.raises(httpx.ConnectError):
            await api.get("/v1/dead-letters")
