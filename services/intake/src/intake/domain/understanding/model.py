"""The linear models: how sure it is that words ask for a supervisor, and in which language."""

import math
from array import array
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from intake.domain.understanding import features
from intake.domain.understanding.text import LANGUAGES, Language

WEIGHTS: Final = Path(str(resources.files(__package__) / "weights.bin"))
REQUEST_BUCKETS: Final = 1 << 18
LANGUAGE_BUCKETS: Final = 1 << 16
# A weight is one signed byte; this is what 1.0 is.
_UNIT: Final = 32
_LIMIT: Final = 127
_CACHED_WORDS: Final = 16384
_MAX_SCORE: Final = 30.0


class _Word(NamedTuple):
    """A known word: its part in pairs, as the second and the first word, and what it weighs."""

    own: int
    pair: int
    skip: int
    request: int
    languages: tuple[int, ...]


class Model:
    """Weights, one signed byte each, and what known words weigh."""

    def __init__(self, packed: bytes) -> None:
        self._request = array("b", packed[:REQUEST_BUCKETS])
        self._language = [
            array("b", packed[start : start + LANGUAGE_BUCKETS])
            for start in range(REQUEST_BUCKETS, len(packed), LANGUAGE_BUCKETS)
        ]
        self._word = lru_cache(_CACHED_WORDS)(self._weigh)

    def request_probability(self, words: Sequence[str]) -> float:
        """Return how sure it is that the words ask for a supervisor, from 0 to 1."""
        read = [self._word(word) for word in words]
        total = sum([word.request for word in read])
        weights = self._request
        for first, second in pairwise(read):
            total += weights[first.pair ^ second.own]
        for first, second in zip(read, read[2:], strict=False):
            total += weights[first.skip ^ second.own]
        return 1 / (1 + math.exp(-max(-_MAX_SCORE, min(_MAX_SCORE, total / _UNIT))))

    def language_scores(self, words: Sequence[str]) -> list[float]:
        """Return how well the words fit each language: logarithms, of which 0 is the mean."""
        if not words:
            return [0.0] * len(LANGUAGES)
        columns = zip(*[self._word(word).languages for word in words], strict=True)
        return [sum(column) / _UNIT for column in columns]

    def _weigh(self, word: str) -> _Word:
        parts = features.part_hashes(word)
        request = sum(self._request[part % REQUEST_BUCKETS] for part in parts)
        languages = tuple(
            sum(weights[part % LANGUAGE_BUCKETS] for part in parts) for weights in self._language
        )
        own, pair, skip = (each % REQUEST_BUCKETS for each in features.pair_parts(word))
        return _Word(own, pair, skip, request, languages)


def pack(request: Sequence[float], languages: Sequence[Sequence[float]]) -> bytes:
    """Return the weights as they are kept."""
    packed = array("b", map(_byte, request))
    for weights in languages:
        packed.extend(map(_byte, weights))
    return packed.tobytes()


def _byte(weight: float) -> int:
    return max(-_LIMIT, min(_LIMIT, round(weight * _UNIT)))


@cache
def load_model() -> Model:
    return Model(WEIGHTS.read_bytes())


def likeliest(scores: Sequence[float]) -> Sequence[Language]:
    """Return the languages, the best first."""
    order = sorted(range(len(scores)), key=lambda at: -scores[at])
    return [LANGUAGES[at] for at in order]
