"""A commit wakes the relay: in its own process, of another replica, and without any signal."""

from common.messaging.outbox_signal import OutboxSignaller
from common.storage.database import Database
from support.databases import Postgres, rows
from support.outbox import (
    add_events,
)
from support.probe import (
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    run_workers,
    sum_samples,
)
from support.waiting import until


def published(replica: Replica) -> float:
    return sum_samples(replica.metrics.published)


async def test_commit_of_a_standby_replica_wakes_the_active_relay(
    postgres: Postgres, database: Database[UnitOfWork], broker: Broker
) -> None:
    """With polls so rare that only a signal explains that its events are published."""
    active, standby = Replica(database, broker), Replica(database, broker)
    async with broker.open_producer() as producer:
        relays = [replica.make_relay(producer) for replica in (active, standby)]
        for relay in relays:
            relay.max_poll_s, relay.session_timeout = 3600, "1h"
        async with run_workers(relays[0]):
            await add_events(active.database, customer_wrote(new_contact()))
            await until(lambda: published(active) == 1)
            async with run_workers(relays[1]):
                await add_events(standby.database, customer_wrote(new_contact()))
                await until(lambda: published(active) == 2)
    assert published(standby) == 0


async def test_commit_of_a_process_without_relay_wakes_the_relay_of_another(
    replica: Replica, broker: Broker
) -> None:
    http_database = Replica(replica.database, broker).database
    signaller = OutboxSignaller(http_database.engine)
    http_database.after_commit(lambda _: signaller.wake())
    async with broker.open_producer() as producer:
        relay = replica.make_relay(producer)
        relay.max_poll_s, relay.session_timeout = 3600, "1h"
        async with run_workers(relay, signaller):
            await add_events(replica.database, customer_wrote(new_contact()))
            await until(lambda: published(replica) == 1)
            await add_events(http_database, customer_wrote(new_contact()))
            await until(lambda: published(replica) == 2)


async def test_row_that_nobody_signals_is_published(replica: Replica, broker: Broker) -> None:
    """As when its process died after the commit."""
    silent = Replica(replica.database, broker).database
    async with broker.open_producer() as producer, run_workers(replica.make_relay(producer)):
        await add_events(replica.database, customer_wrote(new_contact()))
        await until(lambda: published(replica) == 1)
        await add_events(silent, customer_wrote(new_contact()))
        await until(lambda: published(replica) == 2)


async def test_outbox_signaller_connects_again_after_an_error(
    postgres: Postgres, replica: Replica, broker: Broker
) -> None:
    signaller = OutboxSignaller(replica.database.engine)
    pids = (
        "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_notify%' AND state = 'idle'"
        " AND datname = current_database()"
    )
    async with broker.open_producer() as producer:
        relay = replica.make_relay(producer)
        relay.max_poll_s, relay.session_timeout = 3600, "1h"
        async with run_workers(relay, signaller):
            signaller.wake()
            (session,) = await until(lambda: rows(replica.database, pids))
            await rows(replica.database, f"SELECT pg_terminate_backend({session.pid})")
            silent = Replica(replica.database, broker).database
            await add_events(silent, customer_wrote(new_contact()))

            def signal() -> bool:
                signaller.wake()
                return published(replica) == 1

            await until(signal)
