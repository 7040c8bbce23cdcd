"""One notifier process with its own database and topics, and local servers of Slack and mail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import devstack
from bench.escalation_testbed import EscalationTestbed
from bench.topics import LostEventError, read_topics
from common.core.clock import monotonic
from stage.actors import Actors
from stage.system import Replica, System, open_receivers

TIMEOUT_S = 120
# Of events that are published at once, as the relay of a busy service signs them.
SIGNED_TOGETHER = 100
_PUT_RECIPIENTS = """
    INSERT INTO notifier.recipients (person_id, name, media, link_epoch, time_zone, devices)
    SELECT 'p' || n, 'P', jsonb_build_array(
        jsonb_build_object('medium', 'slack', 'details',
            jsonb_build_object('channel', 'D' || n, 'user_id', 'U' || n)),
        jsonb_build_object('medium', 'email', 'details',
            jsonb_build_object('address', 'p' || n || '@example.com'))), 1, 'UTC', '[]'
    FROM generate_series(1, $1::integer) AS n
"""


@asynccontextmanager
async def open_notifier(
    stack: devstack.Stack, settings: Mapping[str, str], recipients: int = 0
) -> AsyncIterator[EscalationTestbed]:
    """Yield the testbed; it has as many recipients, `p1` and so on, each with Slack and mail."""
    actors, logs = Actors(), Path(mkdtemp(prefix="upstairs-bench-"))
    environment = {"UPSTAIRS_LOG_LEVEL": "error", **settings}
    async with open_receivers() as receivers:
        system = System(stack, receivers, actors.api_keys, logs, extra_environment=environment)
        await system.set_up()
        try:
            system.launch_replica(Replica("notifier"))
            await system.wait_ready()
            actors.connect(system)
            async with read_topics(system) as topics:
                testbed = EscalationTestbed(stack, system, actors, topics)
                await testbed.fetch(_PUT_RECIPIENTS, recipients)
                yield testbed
        finally:
            await actors.close()
            system.stop()


async def wait(is_done: Callable[[], bool]) -> None:
    """Wait until all is there; raises LostEventError if that takes too long."""
    deadline = monotonic() + TIMEOUT_S
    while not is_done():
        if monotonic() > deadline:
            raise LostEventError("a message did not arrive")
        await asyncio.sleep(0.01)
