"""Connects a producer to Kafka, and then publishes the outbox with it."""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaProducer

from common.core.backoff import Backoff
from common.core.health import Health
from common.messaging.kafka import KafkaUnavailableError, make_producer, start_client
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.relay import Relay

log = structlog.get_logger()


class Publisher:
    """Until Kafka admits it the service is not ready, but runs: events wait in the outbox."""

    name = Relay.name

    def __init__(
        self,
        connection: KafkaConnection,
        make_relay: Callable[[AIOKafkaProducer], Relay],
        health: Health,
    ) -> None:
        self._connection = connection
        self._make_relay = make_relay
        self._health = health
        self._relay: Relay | None = None
        health.report_trouble(self.name, "is not connected to Kafka yet")

    def wake(self) -> None:
        if self._relay is not None:
            self._relay.wake()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until `stopping`, and then until the outbox is empty once."""
        producer = await start_producer(
            self._connection,
            stopping,
            lambda reason: self._health.report_trouble(self.name, f"is not connected: {reason}"),
        )
        if producer is None:
            return
        try:
            self._relay = self._make_relay(producer)
            await self._relay.run(stopping)
        finally:
            await producer.stop()


async def start_producer(
    connection: KafkaConnection,
    stopping: asyncio.Event,
    report: Callable[[str], None] = lambda _: None,
) -> AIOKafkaProducer | None:
    """Start a producer, waiting for the broker; return None when `stopping` is set first.

    `report` gets the reason of each attempt that fails.
    """
    backoff = Backoff()
    while not stopping.is_set():
        producer = make_producer(connection)
        try:
            await start_client(producer, connection)
        except KafkaUnavailableError as error:
            await producer.stop()
            report(str(error))
            log.warning("broker_unavailable", error=str(error))
            await backoff.wait(stopping)
        else:
            return producer
    return None
