"""A service's consumer group as Kafka sees it: end offsets and committed offsets."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from common.messaging.kafka import topic_name
from stage.invariants.reader import Sources, committed_offsets, open_consumer, subscribed_topics

Offsets = dict[TopicPartition, int]


async def fetch_end_offsets(sources: Sources, service: str) -> Offsets:
    """Return the end offsets of the topics that the service reads."""
    topics = subscribed_topics(service)
    async with open_consumer(sources) as kafka:
        offsets: Offsets = await kafka.end_offsets(kafka.assignment())
    return {item: end for item, end in offsets.items() if sources.topic(item) in topics}


async def read_newest(sources: Sources, count: int) -> list[Any]:
    """Return the newest records of each partition of each topic."""
    async with open_consumer(sources) as kafka:
        ends: Offsets = await kafka.end_offsets(kafka.assignment())
        for partition, end in ends.items():
            kafka.seek(partition, max(0, end - count))
        records: list[Any] = []
        while any([await kafka.position(item) < end for item, end in ends.items()]):
            for polled in (await kafka.getmany(timeout_ms=200)).values():
                records += polled
    return records


async def count_uncommitted(sources: Sources, service: str, offsets: Offsets) -> int:
    """Return how many records before these offsets the group has not committed."""
    committed = await committed_offsets(sources)
    return sum(
        max(0, end - committed.get((service, sources.topic(item), item.partition), 0))
        for item, end in offsets.items()
    )


async def rewind_group(sources: Sources, service: str) -> None:
    """Set the group back to offset 0. Kafka refuses while the group has members."""
    partitions = list(await fetch_end_offsets(sources, service))
    kafka: Any = AIOKafkaConsumer(
        **sources.kafka.options,
        group_id=f"{sources.namespace}.{service}",
        enable_auto_commit=False,
    )
    await kafka.start()
    try:
        kafka.assign(partitions)
        await kafka.commit(dict.fromkeys(partitions, 0))
    finally:
        await kafka.stop()


def origin_of(metadata: Any) -> str:
    """Return a record's place in the form that dead letters use."""
    return f"{metadata.topic}/{metadata.partition}/{metadata.offset}"


def full_name(sources: Sources, topic: str) -> str:
    return topic_name(sources.namespace, topic)
