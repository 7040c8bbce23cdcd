"""How far a consumer is behind: in records of each partition, and in time.

Told by what it has in its hands, so it costs no request, and the age goes on growing while the
database is away and when the consumer has halted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from common.core.clock import TimeSource
from common.core.metrics import Metrics

Polled: TypeAlias = Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]


class Lag:
    """A partition is shown from the first record on that this member takes of it."""

    def __init__(self, kafka: AIOKafkaConsumer, metrics: Metrics, clock: TimeSource) -> None:
        self._kafka = kafka
        self._records = metrics.consumer_lag_records
        self._clock = clock
        self._shown: set[TopicPartition] = set()
        # When the first record was made that was taken and is not handled, in milliseconds.
        self._oldest: dict[TopicPartition, int] = {}
        metrics.oldest_unhandled_seconds.set_function(self._age)

    def taken(self, polled: Polled) -> None:
        for partition, records in polled.items():
            self._oldest[partition] = records[0].timestamp
            self._show(partition, records[0].offset)

    def handled(self, polled: Polled) -> None:
        for partition, records in polled.items():
            self._oldest.pop(partition, None)
            self._show(partition, records[-1].offset + 1)

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget what went to other members."""
        for gone in self._shown.difference(partitions):
            self._shown.remove(gone)
            self._oldest.pop(gone, None)
            self._records.remove(gone.topic, gone.partition)

    def _show(self, partition: TopicPartition, position: int) -> None:
        self._shown.add(partition)
        if partition in self._kafka.assignment():
            end = self._kafka.highwater(partition) or position
            labels = (partition.topic, partition.partition)
            self._records.labels(*labels).set(max(end - position, 0))

    def _age(self) -> float:
        if not self._oldest:
            return 0
        return max(self._clock.utc_now().timestamp() - min(self._oldest.values()) / 1000, 0)
