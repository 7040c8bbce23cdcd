"""Services that die, freeze, join and leave."""

import asyncio
import operator
import signal
from functools import partial
from pathlib import Path

from chaos.context import Context
from chaos.faults.registry import Inflict, fault
from chaos.groups import count_uncommitted, fetch_end_offsets
from common.contracts.services import EVENT_SERVICES
from stage.system import Replica
from support.waiting import until

# Longer than the session timeout and than the server lets a transaction idle.
FROZEN_S = 12
# The log event of a service.
COMMIT_REFUSED = "commit_refused"

WITH_TIMERS = ("router", "escalation")
BREAKPOINTS = {
    "before_the_transaction": EVENT_SERVICES,
    "after_the_timers_are_claimed": WITH_TIMERS,
    "before_the_commit": EVENT_SERVICES,
    "after_the_commit": EVENT_SERVICES,
    "before_the_offset_commit": EVENT_SERVICES,
    "after_kafka_has_acknowledged": EVENT_SERVICES,
    "after_the_call_is_made": ("notifier",),
}


@fault("process")
async def replica_is_killed(context: Context) -> None:
    """A replica is killed at a random moment."""
    name = context.any_replica()
    context.note(name)
    context.under_test.system.processes[name].kill()


@fault("process")
async def all_replicas_are_killed(context: Context) -> None:
    service = context.any_service()
    context.note(service)
    for name in context.under_test.system.replicas_of(service):
        context.under_test.system.processes[name].kill()


def _killing_at(breakpoint_: str, services: tuple[str, ...]) -> Inflict:
    async def inflict(context: Context) -> None:
        await _signal_at(context, context.random.choice(services), breakpoint_, signal.SIGKILL)

    return inflict


for _breakpoint, _services in BREAKPOINTS.items():
    fault("process", f"killed_{_breakpoint}")(_killing_at(_breakpoint, _services))


def _freezing_at(breakpoint_: str) -> Inflict:
    async def inflict(context: Context) -> None:
        service = context.random.choice(("router", "escalation"))
        frozen_replica = await _signal_at(context, service, breakpoint_, signal.SIGSTOP)
        process = context.under_test.system.process_of(frozen_replica)
        refused = process.log_path.read_text().count(COMMIT_REFUSED)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            await _wait_until_taken_over(context, service)
            context.note(f"partitions moved after {loop.time() - begun:.1f} s")
            await asyncio.sleep(max(0, begun + FROZEN_S - loop.time()))
            await _wait_until_no_transaction_is_stuck(context)
        finally:
            process.resume()
        if breakpoint_ == "before_the_offset_commit":
            await until(
                lambda: process.log_path.read_text().count(COMMIT_REFUSED) > refused,
                within=context.patience_s,
            )
            context.note("its late commit was refused")

    return inflict


for _breakpoint in ("before_the_commit", "before_the_offset_commit"):
    fault("zombie", f"frozen_{_breakpoint}")(_freezing_at(_breakpoint))


@fault("rebalance")
async def member_joins_and_leaves(context: Context) -> None:
    """A third replica joins under load and leaves again."""
    system = context.under_test.system
    service = context.random.choice(("router", "escalation"))
    # A replica that is no static member leaves its group when it ends.
    replica = Replica(service, system.replicas, is_static_member=False)
    context.note(replica.name)
    with context.restarter.leaving_down([replica.name]):
        process = system.launch_replica(replica)
        try:
            await process.wait_ready(context.patience_s)
            await asyncio.sleep(2)
        finally:
            await asyncio.to_thread(process.stop)
            del system.processes[replica.name]


async def _signal_at(
    context: Context, service: str, breakpoint_: str, number: signal.Signals
) -> str:
    """Send the signal to the first replica that reaches the breakpoint; return its id."""
    hit = context.breakpoints.set(service, breakpoint_, number)
    try:
        instance_id = await until(partial(_read, hit), within=context.patience_s)
    finally:
        context.breakpoints.clear(service, breakpoint_)
    hit.unlink()
    context.note(instance_id)
    return instance_id


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def _wait_until_taken_over(context: Context, service: str) -> None:
    """Wait until the records that exist now are read, though one of the readers is frozen."""
    sources = context.under_test.sources
    offsets = await fetch_end_offsets(sources, service)
    await until(
        lambda: count_uncommitted(sources, service, offsets),
        operator.not_,
        within=context.patience_s,
    )


async def _wait_until_no_transaction_is_stuck(context: Context) -> None:
    async with context.admin() as connection:
        await until(lambda: connection.fetchval(_STUCK), operator.not_, within=context.patience_s)


_STUCK = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename LIKE 'upstairs%'
      AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '11 s'
"""
