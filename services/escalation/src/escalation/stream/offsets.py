"""A client's position in the stream: the next offset of each partition of each topic.

As an event id it reads `12.7.0.33-4.5.0.1`: two topics of four partitions.
"""

from collections.abc import Mapping

from common.core.errors import PermanentError

_TOPIC_PATTERN = r"[0-9]{1,19}(\.[0-9]{1,19})*"
EVENT_ID_PATTERN = rf"^{_TOPIC_PATTERN}(-{_TOPIC_PATTERN})*$"

# By topic, then by partition.
Offsets = tuple[tuple[int, ...], ...]
# The number of the topic, and of its partition.
Partition = tuple[int, int]


class OffsetGoneError(PermanentError):
    """The events from there on are no longer kept, or are those of another topic."""


def parse_event_id(event_id: str) -> Offsets:
    """Parse an id that matches the pattern."""
    return tuple(tuple(int(offset) for offset in topic.split(".")) for topic in event_id.split("-"))


def format_event_id(offsets: Offsets) -> str:
    return "-".join(".".join(map(str, topic)) for topic in offsets)


def extend(offsets: Offsets, live: Offsets) -> Offsets:
    """Return an offset for every partition: 0 for those added later."""
    if len(offsets) != len(live):
        raise OffsetGoneError
    return tuple(map(_extend_topic, offsets, live))


def _extend_topic(offsets: tuple[int, ...], live: tuple[int, ...]) -> tuple[int, ...]:
    if len(offsets) > len(live):
        raise OffsetGoneError
    return offsets + (0,) * (len(live) - len(offsets))


def by_partition(offsets: Offsets) -> dict[Partition, int]:
    return {
        (topic, number): offset
        for topic, partitions in enumerate(offsets)
        for number, offset in enumerate(partitions)
    }


def lag_by_partition(after: Offsets, live: Offsets) -> dict[Partition, int]:
    """Return how many events lie between, for partitions with any.

    `after` may be ahead in some: it comes from a replica that was quicker.
    """
    ends = by_partition(live)
    return {
        partition: ends[partition] - offset
        for partition, offset in by_partition(after).items()
        if offset < ends[partition]
    }


def check_available(
    after: Offsets, begins: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> None:
    """Raise OffsetGoneError unless each partition has the next event, or will have it next."""
    for partition, offset in by_partition(after).items():
        if not begins[partition] <= offset <= ends[partition]:
            raise OffsetGoneError
