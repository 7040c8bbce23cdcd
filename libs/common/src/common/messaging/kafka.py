"""Every Kafka client that a service makes and its settings; names of topics and groups."""

import asyncio
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from common.core.backoff import Backoff
from common.core.errors import is_transient

# The relay sends what it has for a partition as one batch; brokers take a megabyte.
_BATCH_BYTES: Final = 512 * 1024
# How soon a topic reader finds a new partition; nothing in it is missed.
_METADATA_MAX_AGE_MS: Final = 30_000
# For readers of a short range of offsets: many of them may run at once.
_RANGE_FETCH_BYTES: Final = 64 * 1024

log = structlog.get_logger()


def topic_name(namespace: str, topic: str) -> str:
    return f"{namespace}.{topic}.v1"


def group_name(namespace: str, service: str) -> str:
    return f"{namespace}.{service}"


def make_producer(bootstrap: str) -> AIOKafkaProducer:
    """Make the relay's producer: a record counts as sent when all in-sync replicas have it."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
    )


async def start_producer(bootstrap: str, stopping: asyncio.Event) -> AIOKafkaProducer | None:
    """Start a producer, waiting for the broker; return None when `stopping` is set first."""
    backoff = Backoff()
    while not stopping.is_set():
        producer = make_producer(bootstrap)
        try:
            await producer.start()
        except Exception as error:
            await producer.stop()
            if not is_transient(error):
                raise
            log.warning("broker_unavailable", error=repr(error))
            await backoff.wait(stopping)
        else:
            return producer
    return None


def make_group_consumer(
    bootstrap: str, group: str, *, session_timeout_ms: int, instance_id: str | None = None
) -> Any:
    """Make a member of a service's consumer group; it commits its offsets itself.

    With an `instance_id` the group keeps the member's partitions for it during a restart.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        group_instance_id=instance_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=session_timeout_ms,
        heartbeat_interval_ms=session_timeout_ms // 4,
    )


def make_topic_reader(bootstrap: str, *topics: str) -> Any:
    """Make a consumer of whole topics, in no group; it finds new partitions as they come."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metadata_max_age_ms=_METADATA_MAX_AGE_MS,
    )


def make_range_reader(bootstrap: str) -> Any:
    """Make a consumer, in no group, of partitions and offsets that its user assigns.

    It raises OffsetOutOfRangeError for an offset that is no longer kept.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_RANGE_FETCH_BYTES,
    )


def make_admin(bootstrap: str) -> Any:
    return AIOKafkaAdminClient(bootstrap_servers=bootstrap)
