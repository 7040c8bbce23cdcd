"""The system of a checkout, run by its own interpreter, and the CPU time that it takes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import devstack
from bench.against.checkouts import Checkout

STOP_S = 60


class WorkerError(Exception):
    """The worker of a checkout ended; its last words are above."""


@dataclass(frozen=True, eq=False)
class MeasuredSystem:
    label: str
    worker: asyncio.subprocess.Process
    # Of the replicas of its services, by name.
    pids: Mapping[str, int]

    async def create_contacts(self, count: int, concurrency: int) -> Mapping[str, float]:
        """Return the CPU seconds of each service."""
        return await self._load("contacts", count=count, concurrency=concurrency)

    async def send_pages(self, rate: int) -> Mapping[str, float]:
        """Escalate each contact of the last `create_contacts`; return the same."""
        return await self._load("pages", rate=rate)

    async def pause(self) -> None:
        await self._command("pause")

    async def resume(self) -> None:
        await self._command("resume")

    async def check_clean(self) -> None:
        await self._command("check")

    async def _load(self, name: str, **arguments: int) -> Mapping[str, float]:
        cpu_seconds: Mapping[str, float] = (await self._command(name, **arguments))["cpu_seconds"]
        return cpu_seconds

    async def _command(self, name: str, **arguments: Any) -> dict[str, Any]:
        assert self.worker.stdin is not None
        self.worker.stdin.write(json.dumps({"command": name, **arguments}).encode() + b"\n")
        return await read_result(self.label, self.worker)


async def read_result(label: str, worker: asyncio.subprocess.Process) -> dict[str, Any]:
    assert worker.stdout is not None
    line = await worker.stdout.readline()
    if not line:
        message = f"the worker of {label} ended"
        raise WorkerError(message)
    result: dict[str, Any] = json.loads(line)
    return result


@asynccontextmanager
async def open_system(
    checkout: Checkout, stack: devstack.Stack, *, replicas: int, representatives: int
) -> AsyncIterator[MeasuredSystem]:
    """Start the services of the checkout with a database and topics of their own."""
    worker = await asyncio.create_subprocess_exec(
        checkout.python,
        "-P",
        checkout.worker,
        str(replicas),
        str(representatives),
        cwd=checkout.root,
        env=_environment(checkout, stack),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C must reach only this process, which stops the workers in order.
        start_new_session=True,
    )
    try:
        description = await read_result(checkout.label, worker)
        yield MeasuredSystem(checkout.label, worker, description["pids"])
    finally:
        await _stop(worker)


async def _stop(worker: asyncio.subprocess.Process) -> None:
    assert worker.stdin is not None
    worker.stdin.close()
    try:
        await asyncio.wait_for(worker.wait(), STOP_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()


def _environment(checkout: Checkout, stack: devstack.Stack) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(checkout.root),
        "STACK": devstack.Backend.EXTERNAL.value,
        "STACK_POSTGRES_ADMIN_URL": stack.postgres_admin_url,
        "STACK_KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
    }
