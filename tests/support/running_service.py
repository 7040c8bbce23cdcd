"""The probe as a process, to be killed and stopped: `python -m support.running_service`.

It handles no events. It only relays what tests put into its outbox.
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
async def run_process(
    url: str, broker: Broker, log_path: Path, **settings: str
) -> AsyncIterator[Process]:
    """Run the process during the block, which begins when it is ready."""
    port, operations_port = free_port(), free_port()
    process = Process(
        name=log_path.stem,
        argv=(sys.executable, "-m", "support.running_service"),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "UPSTAIRS_DATABASE_URL": url,
            "UPSTAIRS_KAFKA_BOOTSTRAP": broker.bootstrap,
            "UPSTAIRS_NAMESPACE": broker.namespace,
            "UPSTAIRS_HTTP_PORT": str(port),
            "UPSTAIRS_OPERATIONS_PORT": str(operations_port),
            **{f"UPSTAIRS_{name.upper()}": value for name, value in settings.items()},
        },
        log_path=log_path,
        ready_url=f"http://127.0.0.1:{operations_port}/readyz",
    )
    process.start()
    try:
        await process.wait_ready()
        yield process
    finally:
        process.stop()


if __name__ == "__main__":
    service = ServiceSpec(NAME, UnitOfWork, HandlerRegistry[UnitOfWork](), ())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(service, ServiceSettings()))
