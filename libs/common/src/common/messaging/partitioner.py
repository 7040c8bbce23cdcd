"""Chooses a record's partition as Kafka's own clients do: by the murmur2 hash of its key.

aiokafka hashes byte by byte; this hashes whole words, since each service hashes the key of each
contact once.
"""

from functools import lru_cache
from struct import unpack_from
from typing import Final

_WORD: Final = 4
_MASK: Final = 0xFFFFFFFF
_MULTIPLIER: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C


# The events of a contact come within seconds; two thousand keys would be half a megabyte.
@lru_cache(maxsize=500)
def partition_of(key: bytes, count: int) -> int:
    """Return the number of the partition, of so many."""
    return (murmur2(key) & 0x7FFFFFFF) % count


def murmur2(data: bytes) -> int:
    words, rest = divmod(len(data), _WORD)
    reached = _SEED ^ len(data)
    for word in unpack_from(f"<{words}I", data):
        mixed = word * _MULTIPLIER & _MASK
        mixed = (mixed ^ mixed >> 24) * _MULTIPLIER & _MASK
        reached = reached * _MULTIPLIER & _MASK ^ mixed
    if rest:
        reached ^= int.from_bytes(data[-rest:], "little")
        reached = reached * _MULTIPLIER & _MASK
    reached = (reached ^ reached >> 13) * _MULTIPLIER & _MASK
    return reached ^ reached >> 15
