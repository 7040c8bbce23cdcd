"""What the models see of a text: words, parts of words, and words that follow each other.

A feature is a number that a hash gives it. All parts belong to one word, so that what a word
weighs can be kept: reading a text costs a look-up for each word and each pair.
"""

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


def word_hash(word: str) -> int:
    return crc32(word.encode())


def part_hashes(word: str) -> list[int]:
    """Return the features of a word: itself, and its parts with its two ends marked."""
    marked = f"<{word[:_MAX_WORD]}>"
    parts = {marked}
    for length in range(_SHORTEST_PART, _LONGEST_PART + 1):
        parts.update(marked[at : at + length] for at in range(len(marked) - length + 1))
    return [crc32(part.encode()) for part in sorted(parts)]


def pair_hashes(hashes: list[int]) -> list[int]:
    """Return the features of words that follow each other, directly or with one between."""
    pairs = [(first * _PAIR_FACTOR ^ second) & _32_BITS for first, second in pairwise(hashes)]
    skips = [
        (first * _SKIP_FACTOR ^ second) & _32_BITS
        for first, second in zip(hashes, hashes[2:], strict=False)
    ]
    return pairs + skips
