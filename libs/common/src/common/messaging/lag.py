"""How far a consumer is behind: in records of each partition, and in time.

Computed from the records it has fetched, without a request, when the metrics are read. Both go on
growing while the database is down; the age also while the consumer has halted.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from prometheus_client import Gauge

from common.core.clock import TimeSource

Polled: TypeAlias = Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]


class Lag:
    """A partition is reported from the first record that this member fetches of it."""

    def __init__(
        self, kafka: AIOKafkaConsumer, records: Gauge, oldest: Gauge, clock: TimeSource
    ) -> None:
        """`records` has the labels topic and partition; both show what is not handled yet."""
        self._kafka = kafka
        self._records = records
        self._clock = clock
        # The offset of the first unhandled record.
        self._positions: dict[TopicPartition, int] = {}
        # The timestamp of the first fetched and unhandled record, in milliseconds.
        self._oldest_ms: dict[TopicPartition, int] = {}
        oldest.set_function(self._age)

    def records_taken(self, polled: Polled) -> None:
        for partition, records in polled.items():
            self._oldest_ms[partition] = records[0].timestamp
            if partition not in self._positions:
                gauge = self._records.labels(partition.topic, partition.partition)
                gauge.set_function(partial(self._behind, partition))
            self._positions[partition] = records[0].offset

    def records_handled(self, polled: Polled) -> None:
        for partition, records in polled.items():
            self._oldest_ms.pop(partition, None)
            self._positions[partition] = records[-1].offset + 1

    def partitions_assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the partitions that went to other members."""
        for revoked in self._positions.keys() - set(partitions):
            del self._positions[revoked]
            self._oldest_ms.pop(revoked, None)
            self._records.remove(revoked.topic, revoked.partition)

    def _behind(self, partition: TopicPartition) -> int:
        if partition not in self._kafka.assignment():
            return 0
        position = self._positions[partition]
        return max((self._kafka.highwater(partition) or position) - position, 0)

    def _age(self) -> float:
        if not self._oldest_ms:
            return 0
        return max(self._clock.utc_now().timestamp() - min(self._oldest_ms.values()) / 1000, 0)
