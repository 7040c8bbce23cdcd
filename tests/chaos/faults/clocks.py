"""A host with a wrong clock."""

import asyncio

from chaos.context import Context
from chaos.faults.registry import fault
from stage.system import Replica


@fault("clock")
async def clock_jumps_an_hour(context: Context) -> None:
    """The clock of one replica jumps ahead and back again."""
    replica = Replica(
        context.any_service(), context.random.randrange(context.under_test.system.replicas)
    )
    context.note(replica.name)
    ahead = context.breakpoints.clock_file(replica.instance_id)
    ahead.touch()
    try:
        await asyncio.sleep(5)
    finally:
        ahead.unlink()
