"""Where a client is in the stream: the next offset of each partition, as `12.7.0.33`."""

from collections.abc import Mapping

from common.core.errors import PermanentError

PATTERN = r"^[0-9]{1,19}(\.[0-9]{1,19}){0,999}$"

Offsets = tuple[int, ...]


class OffsetGoneError(PermanentError):
    """The events from there on are no longer kept, or are those of another topic."""


def parse(event_id: str) -> Offsets:
    """Read what matches the pattern."""
    return tuple(int(part) for part in event_id.split("."))


def spell(offsets: Offsets) -> str:
    return ".".join(map(str, offsets))


def lengthened(asked: Offsets, live: Offsets) -> Offsets:
    """Return a place in every partition: one that came later is read from its beginning."""
    if len(asked) > len(live):
        raise OffsetGoneError
    return asked + (0,) * (len(live) - len(asked))


def missed(after: Offsets, live: Offsets) -> dict[int, int]:
    """Return how much lies between, by partition.

    Nothing does where `after` is ahead: another replica was quicker.
    """
    return {
        partition: end - begin
        for partition, (begin, end) in enumerate(zip(after, live, strict=True))
        if begin < end
    }


def check(after: Offsets, kept: Mapping[int, int], ends: Mapping[int, int]) -> None:
    """Raise Gone if what comes next in any partition is not there, nor ever will be."""
    for partition, offset in enumerate(after):
        if not kept[partition] <= offset <= ends[partition]:
            raise OffsetGoneError
