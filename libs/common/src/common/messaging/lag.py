"""How far a consumer is behind: in records of each partition, and in time.

Computed from the records it has fetched, without a request. The age goes on growing while the
database is down or the consumer has halted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from common.core.clock import TimeSource
from common.core.metrics import Metrics

Polled: TypeAlias = Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]


class Lag:
    """A partition is reported from the first record that this member fetches of it."""

    def __init__(self, kafka: AIOKafkaConsumer, metrics: Metrics, clock: TimeSource) -> None:
        self._kafka = kafka
        self._records = metrics.consumer_lag_records
        self._clock = clock
        self._reported: set[TopicPartition] = set()
        # The timestamp of the first fetched and unhandled record, in milliseconds.
        self._oldest_ms: dict[TopicPartition, int] = {}
        metrics.consumer_oldest_unhandled_seconds.set_function(self._age)

    def records_taken(self, polled: Polled) -> None:
        for partition, records in polled.items():
            self._oldest_ms[partition] = records[0].timestamp
            self._report(partition, records[0].offset)

    def records_handled(self, polled: Polled) -> None:
        for partition, records in polled.items():
            self._oldest_ms.pop(partition, None)
            self._report(partition, records[-1].offset + 1)

    def partitions_assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the partitions that went to other members."""
        for revoked in self._reported.difference(partitions):
            self._reported.remove(revoked)
            self._oldest_ms.pop(revoked, None)
            self._records.remove(revoked.topic, revoked.partition)

    def _report(self, partition: TopicPartition, position: int) -> None:
        self._reported.add(partition)
        if partition in self._kafka.assignment():
            end = self._kafka.highwater(partition) or position
            labels = (partition.topic, partition.partition)
            self._records.labels(*labels).set(max(end - position, 0))

    def _age(self) -> float:
        if not self._oldest_ms:
            return 0
        return max(self._clock.utc_now().timestamp() - min(self._oldest_ms.values()) / 1000, 0)
