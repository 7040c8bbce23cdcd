"""Lets a consumer pass a batch that aiokafka cannot parse; otherwise it would stop there for ever.

The broker does not look at the names of headers, and aiokafka raises for one that is not UTF-8:
one record of a stranger would hold a partition. A batch has one author, so nothing else is lost.
"""

from collections.abc import Iterator
from typing import Any

import structlog
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

log = structlog.get_logger()


class ReadableBatches:
    """The batches of one fetch, as aiokafka's fetcher takes them."""

    def __init__(self, fetched: bytes) -> None:
        self._batches: Any = MemoryRecords(fetched)

    def size_in_bytes(self) -> int:
        return int(self._batches.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> "ReadableBatch":
        return ReadableBatch(self._batches.next_batch())


class ReadableBatch:
    """A batch; it has no records if they cannot be parsed. Its checksum is checked before."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except Exception:
            # Whatever is wrong, the next batch is somebody else's.
            log.exception(
                "unreadable_batch_skipped",
                first_offset=self._batch.base_offset,
                next_offset=self._batch.next_offset,
            )
            return iter(())


def install() -> None:
    """Make every consumer of this process read so."""
    fetcher.MemoryRecords = ReadableBatches
