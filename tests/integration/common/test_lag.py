"""How far the consumer is behind: shown while all goes well, and while nothing does."""

from common.contracts.contacts import CustomerWrote
from common.storage.database import Database
from support.probe import (
    Broker,
    Replica,
    UnitOfWork,
    customer_wrote,
    new_contact,
    open_database,
    run_workers,
)
from support.tcp_proxy import TcpProxy
from support.waiting import until


def some(count: int) -> list[CustomerWrote]:
    return [customer_wrote(new_contact()) for _ in range(count)]


def behind(replica: Replica) -> dict[int, float]:
    """Return the records that each partition is behind."""
    (metric,) = replica.metrics.consumer_lag_records.collect()
    return {int(sample.labels["partition"]): sample.value for sample in metric.samples}


def age(replica: Replica) -> float:
    value = replica.metrics.registry.get_sample_value("upstairs_consumer_oldest_unhandled_seconds")
    assert value is not None
    return value


async def test_lag_is_zero_when_all_is_handled(replica: Replica, broker: Broker) -> None:
    assert (behind(replica), age(replica)) == ({}, 0)
    await broker.publish(*some(40))
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 40)
        assert set(behind(replica).values()) == {0}
        assert age(replica) == 0


async def test_lag_grows_while_the_database_is_down(
    proxy: TcpProxy, probe_url: str, broker: Broker
) -> None:
    await broker.publish(*some(10))
    await proxy.stop()
    async with open_database(proxy.url(probe_url)) as proxied:
        replica = Replica(proxied, broker)
        async with run_workers(replica.make_consumer()):
            await until(lambda: sum(behind(replica).values()) == 10)
            assert "backing off" in replica.health.troubles["consumer"]
            before = age(replica)
            assert before > 0
            await until(lambda: age(replica) > before)
            await broker.publish(*some(30))
            await until(lambda: sum(behind(replica).values()) == 40)
            await proxy.start()
            await until(broker.count_committed, lambda count: count == 40)
            assert set(behind(replica).values()) == {0}
            assert age(replica) == 0


async def test_revoked_partition_is_no_longer_reported(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    first, second = Replica(database, broker), Replica(database, broker)
    await broker.publish(*some(40))
    async with run_workers(first.make_consumer()):
        await until(lambda: behind(first).keys() == {0, 1, 2, 3})
        async with run_workers(second.make_consumer()):
            await until(lambda: len(behind(first)) < 4)
            await broker.publish(*some(40))
            await until(lambda: behind(first).keys() | behind(second).keys() == {0, 1, 2, 3})
            assert not behind(first).keys() & behind(second).keys()


async def test_age_grows_while_the_consumer_is_halted(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    await broker.publish(*[customer_wrote(new_contact(), "poison") for _ in range(3)])
    replica = Replica(database, broker, dead_letter_limit=1)
    async with run_workers(replica.supervise(replica.make_consumer())):
        troubles = await until(
            lambda: replica.health.troubles, lambda them: "halted" in them.get("consumer", "")
        )
        assert "`dead-letters replay --all`" in troubles["consumer"]
        before = age(replica)
        await until(lambda: age(replica) > before)
    halted = replica.metrics.registry.get_sample_value(
        "upstairs_worker_halted", {"worker": "consumer"}
    )
    assert halted == 1
