"""Waits until the system is settled: only then can its parts be compared with each other."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.services import EVENT_SERVICES
from common.storage.async_engine import make_async_engine
from stage.invariants.reader import (
    Sources,
    committed_offsets,
    open_consumer,
    subscribed_topics,
)

_POLL_S = 0.2


class NotSettledError(AssertionError):
    """The system still has work to do."""


async def wait_until_settled(
    sources: Sources, *, within: timedelta, calm: timedelta = timedelta(seconds=3)
) -> None:
    """Wait until all is handled, published and delivered, and no timer is due within `calm`.

    Raises NotSettledError, which names the work that is left. The system must look settled twice in
    a row without a new record: one look at each part can miss work on its way from the database to
    Kafka.
    """
    engine = make_async_engine(sources.admin_url, poolclass=pool.NullPool)
    pending: list[str] = []
    before: dict[Any, int] = {}
    try:
        async with asyncio.timeout(within.total_seconds()), open_consumer(sources) as kafka:
            while True:
                async with engine.connect() as connection:
                    pending = await _pending_in_tables(connection, calm)
                ends: dict[Any, int] = await kafka.end_offsets(kafka.assignment())
                pending += await _pending_in_topics(sources, ends)
                if not pending and ends == before:
                    return
                before = {} if pending else ends
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        details = "; ".join(pending) or "new records still arrive"
        message = f"not settled within {within.total_seconds():.0f} s: {details}"
        raise NotSettledError(message) from None
    finally:
        await engine.dispose()


async def _pending_in_tables(connection: AsyncConnection, calm: timedelta) -> list[str]:
    pending = []
    for service in EVENT_SERVICES:
        row = (
            await connection.execute(text(_COUNT_PENDING.format(schema=service)), {"calm": calm})
        ).one()
        if row.outbox:
            pending.append(f"{row.outbox} in the outbox of {service}")
        if row.timers:
            pending.append(f"{row.timers} timers of {service} due soon")
    unsent = (await connection.execute(_COUNT_UNSENT)).scalar_one()
    if unsent:
        pending.append(f"{unsent} notifications to deliver")
    return pending


async def _pending_in_topics(sources: Sources, ends: dict[Any, int]) -> list[str]:
    done = await committed_offsets(sources)
    pending = []
    for service in EVENT_SERVICES:
        topics = subscribed_topics(service)
        lag = sum(
            end - done.get((service, sources.topic(partition), partition.partition), 0)
            for partition, end in ends.items()
            if sources.topic(partition) in topics
        )
        if lag:
            pending.append(f"{service} has {lag} records to read")
    return pending


_COUNT_PENDING = """
    SELECT (SELECT count(*) FROM {schema}.outbox) AS outbox,
           (SELECT count(*) FROM {schema}.timers WHERE due_at <= clock_timestamp() + :calm)
               AS timers
"""
_COUNT_UNSENT = text(
    "SELECT count(*) FROM notifier.notifications WHERE state IN ('pending', 'sending')"
)
