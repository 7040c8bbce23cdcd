"""What a service's consumer group has read, as Kafka knows it."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.messaging.kafka import topic_name
from stage.invariants.reader import Sources, committed_offsets, open_consumer, subscribed_topics

Offsets = dict[TopicPartition, int]


async def ends(sources: Sources, service: str) -> Offsets:
    """Return where the topics end that the service reads."""
    topics = subscribed_topics(service)
    async with open_consumer(sources) as kafka:
        found: Offsets = await kafka.end_offsets(kafka.assignment())
    return {one: end for one, end in found.items() if sources.topic(one) in topics}


async def recent(sources: Sources, count: int) -> list[Any]:
    """Return the newest records of each partition of each topic."""
    async with open_consumer(sources) as kafka:
        ends: Offsets = await kafka.end_offsets(kafka.assignment())
        for partition, end in ends.items():
            kafka.seek(partition, max(0, end - count))
        found: list[Any] = []
        while any([await kafka.position(one) < end for one, end in ends.items()]):
            for polled in (await kafka.getmany(timeout_ms=200)).values():
                found += polled
    return found


async def behind(sources: Sources, service: str, come: Offsets) -> int:
    """Return how many of the records that had `come` the group has not committed."""
    done = await committed_offsets(sources)
    at = {one: done.get((service, sources.topic(one), one.partition), 0) for one in come}
    return sum(max(0, end - at[one]) for one, end in come.items())


async def rewind(sources: Sources, service: str) -> None:
    """Set the group back to the beginning; raises while it has members."""
    partitions = list(await ends(sources, service))
    kafka: Any = AIOKafkaConsumer(
        bootstrap_servers=sources.kafka_bootstrap,
        group_id=f"{sources.namespace}.{service}",
        enable_auto_commit=False,
    )
    await kafka.start()
    try:
        kafka.assign(partitions)
        await kafka.commit(dict.fromkeys(partitions, 0))
    finally:
        await kafka.stop()


def place(metadata: Any) -> str:
    """Return where a record is, as dead letters name it."""
    return f"{metadata.topic}/{metadata.partition}/{metadata.offset}"


def full_name(sources: Sources, topic: str) -> str:
    return topic_name(sources.namespace, topic)
