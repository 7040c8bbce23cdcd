"""A client's position in the stream: the next offset of each partition, such as `12.7.0.33`."""

from collections.abc import Mapping

from common.core.errors import PermanentError

EVENT_ID_PATTERN = r"^[0-9]{1,19}(\.[0-9]{1,19}){0,999}$"

Offsets = tuple[int, ...]


class OffsetGoneError(PermanentError):
    """The events from there on are no longer kept, or are those of another topic."""


def parse_event_id(event_id: str) -> Offsets:
    """Parse an id that matches the pattern."""
    return tuple(int(part) for part in event_id.split("."))


def format_event_id(offsets: Offsets) -> str:
    return ".".join(map(str, offsets))


def extend(offsets: Offsets, live: Offsets) -> Offsets:
    """Return an offset for every partition: 0 for those added later."""
    if len(offsets) > len(live):
        raise OffsetGoneError
    return offsets + (0,) * (len(live) - len(offsets))


def lag_by_partition(after: Offsets, live: Offsets) -> dict[int, int]:
    """Return how many events lie between, for partitions with any.

    `after` may be ahead in some: it comes from a replica that was quicker.
    """
    return {
        partition: end - begin
        for partition, (begin, end) in enumerate(zip(after, live, strict=True))
        if begin < end
    }


def check_available(after: Offsets, begins: Mapping[int, int], ends: Mapping[int, int]) -> None:
    """Raise OffsetGoneError unless each partition has the next event, or will have it next."""
    for partition, offset in enumerate(after):
        if not begins[partition] <= offset <= ends[partition]:
            raise OffsetGoneError
