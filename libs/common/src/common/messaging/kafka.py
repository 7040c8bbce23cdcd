"""Every Kafka client that a service makes; names of topics and groups."""

from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from common.core.errors import TransientError
from common.messaging import readable_batches
from common.messaging.kafka_connection import KafkaConnection

readable_batches.install()

# The relay sends what it has for a partition as one batch; brokers take a megabyte.
_BATCH_BYTES: Final = 512 * 1024
# How soon a topic reader finds a new partition; nothing in it is missed.
_METADATA_MAX_AGE_MS: Final = 30_000
# Of a group's member: how long a fetch waits at the broker while nothing arrives, and how often
# aiokafka looks after its fetches although nothing has happened. Records end both at once.
_FETCH_MAX_WAIT_MS: Final = 2000
_FETCHER_TIMEOUT_MS: Final = 1000
# For readers of a short range of offsets: many of them may run at once.
_RANGE_FETCH_BYTES: Final = 64 * 1024


def topic_name(namespace: str, topic: str) -> str:
    return f"{namespace}.{topic}.v1"


def group_name(namespace: str, service: str) -> str:
    return f"{namespace}.{service}"


def make_producer(connection: KafkaConnection) -> AIOKafkaProducer:
    """Make the relay's producer: a record counts as sent when all in-sync replicas have it."""
    return AIOKafkaProducer(
        **connection.options,
        acks="all",
        enable_idempotence=True,
        max_batch_size=_BATCH_BYTES,
    )


def make_group_consumer(
    connection: KafkaConnection,
    group: str,
    *,
    session_timeout_ms: int,
    instance_id: str | None = None,
) -> Any:
    """Make a member of a service's consumer group; it commits its offsets itself.

    With an `instance_id` the group keeps the member's partitions for it during a restart.
    """
    return AIOKafkaConsumer(
        **connection.options,
        group_id=group,
        group_instance_id=instance_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=_FETCH_MAX_WAIT_MS,
        consumer_timeout_ms=_FETCHER_TIMEOUT_MS,
        session_timeout_ms=session_timeout_ms,
        heartbeat_interval_ms=session_timeout_ms // 4,
        # One member has the same partition of all topics, so that two rarely wait for one contact.
        partition_assignment_strategy=(RangePartitionAssignor,),
    )


def make_topic_reader(connection: KafkaConnection, *topics: str) -> Any:
    """Make a consumer of whole topics, in no group; it finds new partitions as they come."""
    return AIOKafkaConsumer(
        *topics,
        **connection.options,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metadata_max_age_ms=_METADATA_MAX_AGE_MS,
    )


def make_range_reader(connection: KafkaConnection) -> Any:
    """Make a consumer, in no group, of partitions and offsets that its user assigns.

    It raises OffsetOutOfRangeError for an offset that is no longer kept.
    """
    return AIOKafkaConsumer(
        **connection.options,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_RANGE_FETCH_BYTES,
    )


def make_admin(connection: KafkaConnection) -> Any:
    return AIOKafkaAdminClient(**connection.options)


class KafkaUnavailableError(TransientError):
    """No broker can be reached, or none admits this client."""


async def start_client(client: Any, connection: KafkaConnection) -> None:
    """Start a consumer, a producer or an admin; raises KafkaUnavailableError with the reason.

    A refused certificate or password counts too: somebody corrects it, and the process goes on.
    """
    try:
        await client.start()
    except Exception as error:
        raise KafkaUnavailableError(await _find_trouble(connection) or repr(error)) from error


async def _find_trouble(connection: KafkaConnection) -> str | None:
    """Return why the first broker cannot be reached, or None if it can be.

    The error of a client does not say whether it is the address, the certificate or the password.
    """
    address, *_ = connection.bootstrap.split(",")
    host, _, port = address.strip().rpartition(":")
    options = connection.options.copy()
    del options["bootstrap_servers"]
    try:
        opened = await create_conn(host, int(port), **options)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return repr(error)
    opened.close()
    return None
