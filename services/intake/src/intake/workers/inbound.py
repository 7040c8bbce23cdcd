"""Consumes the topic that outside systems write to, and publishes what is refused."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from common.contracts.services import INBOUND_TOPIC, REFUSED_TOPIC
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.consumer import Consumer, Subscription
from common.messaging.kafka import group_name, make_group_consumer, topic_name
from common.messaging.publisher import start_producer
from common.storage.database import Database
from intake.connections.activity import NoticedActivity
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader
from intake.metrics import InboundMetrics
from intake.settings import Settings
from intake.store import UnitOfWork
from intake.workers.inbound_records import InboundRecordHandler
from intake.workers.refusals import RefusalPublisher

# Of its own: a group whose members read different topics moves their partitions about.
GROUP: Final = "intake-inbound"


@dataclass(frozen=True)
class InboundWorker:
    """One member of the group of the inbound topic, with a producer for refusals."""

    settings: Settings
    database: Database[UnitOfWork]
    namespaces: CustomerNamespaces
    signs: SignReader
    noticed: NoticedActivity
    metrics: Metrics
    inbound_metrics: InboundMetrics
    health: Health
    name: str = "inbound"

    async def run(self, stopping: asyncio.Event) -> None:
        connection = self.settings.kafka
        self.health.report_trouble(self.name, "is not connected to Kafka yet")
        producer = await start_producer(
            connection,
            stopping,
            lambda reason: self.health.report_trouble(self.name, f"is not connected: {reason}"),
        )
        if producer is None:
            return
        try:
            refusals = RefusalPublisher(producer, self._topics(REFUSED_TOPIC)[0])
            await self._make_consumer(refusals).run(stopping)
        finally:
            await producer.stop()

    def _make_consumer(self, refusals: RefusalPublisher) -> Consumer:
        settings = self.settings
        handler = InboundRecordHandler(
            self.database,
            self.namespaces,
            self.signs,
            refusals,
            self.noticed,
            self.inbound_metrics,
        )
        return Consumer(
            make_group_consumer(
                settings.kafka,
                group_name(settings.namespace, GROUP),
                session_timeout_ms=settings.kafka_session_timeout_ms,
                instance_id=settings.instance_id,
            ),
            Subscription(
                self._topics(INBOUND_TOPIC), handler, self.name, self.inbound_metrics.oldest_seconds
            ),
            self.metrics,
            self.health,
            connection=settings.kafka,
            clock=self.database.clock,
        )

    def _topics(self, *topics: str) -> Sequence[str]:
        return [topic_name(self.settings.namespace, topic) for topic in topics]
