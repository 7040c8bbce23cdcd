"""What the models see of a text: words, parts of words, and words that follow each other.

A feature is a number that a hash gives it. All parts belong to one word, so that what a word
weighs can be kept: reading a text costs a look-up for each word and each pair.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from zlib import crc32

_SHORTEST_PART: Final = 3
_LONGEST_PART: Final = 5
# A longer word is no word: its beginning is enough.
_MAX_WORD: Final = 24
_PAIR_FACTOR: Final = 0x9E3779B1
_SKIP_FACTOR: Final = 0x85EBCA6B
_32_BITS: Final = 0xFFFFFFFF


def part_hashes(word: str) -> list[int]:
    """Return the features of a word: itself, and its parts with its two ends marked."""
    marked = f"<{word[:_MAX_WORD]}>"
    parts = {marked}
    for length in range(_SHORTEST_PART, _LONGEST_PART + 1):
        parts.update(marked[at : at + length] for at in range(len(marked) - length + 1))
    return [crc32(part.encode()) for part in sorted(parts)]


def pair_parts(word: str) -> tuple[int, int, int]:
    """Return the parts of a word in pairs: as the second one, and as the first one of each kind.

    The feature of a pair is the one part XOR the other. Its words follow each other directly, or
    with one word between.
    """
    own = crc32(word.encode())
    return own, own * _PAIR_FACTOR & _32_BITS, own * _SKIP_FACTOR & _32_BITS


def pair_hashes(words: Sequence[str]) -> list[int]:
    """Return the features of words that follow each other."""
    parts = [pair_parts(word) for word in words]
    pairs = [first[1] ^ second[0] for first, second in pairwise(parts)]
    return pairs + [first[2] ^ second[0] for first, second in zip(parts, parts[2:], strict=False)]
