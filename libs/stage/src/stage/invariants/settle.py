"""When nothing moves any more: the only time at which the facts can be held against each other."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from stage.invariants.reader import (
    SERVICES,
    Sources,
    committed_offsets,
    open_consumer,
    subscribed_topics,
)

_POLL_S = 0.2


class NotSettledError(AssertionError):
    """Something still moves."""


async def wait_until_settled(
    sources: Sources, *, within: timedelta, calm: timedelta = timedelta(seconds=3)
) -> None:
    """Wait until all is handled, published and told, and no timer is due for `calm` to come.

    Raises NotQuietError, which says what is left. Twice in a row it must look quiet with no record
    more, since what moves from the database to Kafka and on can be missed by one look at each.
    """
    engine = create_async_engine(sources.admin_url, poolclass=pool.NullPool)
    left: list[str] = []
    before: dict[Any, int] = {}
    try:
        async with asyncio.timeout(within.total_seconds()), open_consumer(sources) as kafka:
            while True:
                async with engine.connect() as connection:
                    left = await _pending_in_tables(connection, calm)
                ends: dict[Any, int] = await kafka.end_offsets(kafka.assignment())
                left += await _pending_in_topics(sources, ends)
                if not left and ends == before:
                    return
                before = {} if left else ends
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        told = "; ".join(left) or "records still come"
        message = f"not quiet within {within.total_seconds():.0f} s: {told}"
        raise NotSettledError(message) from None
    finally:
        await engine.dispose()


async def _pending_in_tables(connection: AsyncConnection, calm: timedelta) -> list[str]:
    left = []
    for service in SERVICES:
        row = (
            await connection.execute(text(_COUNT_PENDING.format(schema=service)), {"calm": calm})
        ).one()
        if row.outbox:
            left.append(f"{row.outbox} in the outbox of {service}")
        if row.timers:
            left.append(f"{row.timers} timers of {service} due soon")
    untold = (await connection.execute(_COUNT_UNSENT)).scalar_one()
    if untold:
        left.append(f"{untold} notifications to deliver")
    return left


async def _pending_in_topics(sources: Sources, ends: dict[Any, int]) -> list[str]:
    done = await committed_offsets(sources)
    left = []
    for service in SERVICES:
        topics = subscribed_topics(service)
        lag = sum(
            end - done.get((service, sources.topic(partition), partition.partition), 0)
            for partition, end in ends.items()
            if sources.topic(partition) in topics
        )
        if lag:
            left.append(f"{service} has {lag} records to read")
    return left


_COUNT_PENDING = """
    SELECT (SELECT count(*) FROM {schema}.outbox) AS outbox,
           (SELECT count(*) FROM {schema}.timers WHERE due_at <= clock_timestamp() + :calm)
               AS timers
"""
_COUNT_UNSENT = text(
    "SELECT count(*) FROM notifier.notifications WHERE state IN ('pending', 'sending')"
)
