"""The probe as a process of its own, to be killed and stopped: `python -m support.running_service`.

It has nothing to handle, so all that it does is to relay what others put into its outbox.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from common.messaging.subscriptions import HandlerRegistry
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec, serve
from devstack import Process, free_port
from support.probe import NAME, Broker, UnitOfWork


@asynccontextmanager
async def run_process(url: str, broker: Broker, log_path: Path) -> AsyncIterator[Process]:
    """Run one until the end of the block, and hand it over when it is ready."""
    port = free_port()
    made = Process(
        name=log_path.stem,
        argv=(sys.executable, "-m", "support.running_service"),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "UPSTAIRS_DATABASE_URL": url,
            "UPSTAIRS_KAFKA_BOOTSTRAP": broker.bootstrap,
            "UPSTAIRS_NAMESPACE": broker.namespace,
            "UPSTAIRS_HTTP_PORT": str(port),
        },
        log_path=log_path,
        ready_url=f"http://127.0.0.1:{port}/readyz",
    )
    made.start()
    try:
        await made.wait_ready()
        yield made
    finally:
        made.stop()


if __name__ == "__main__":
    parts = ServiceSpec(NAME, UnitOfWork, HandlerRegistry[UnitOfWork](), ())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(parts, ServiceSettings()))
