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
from intake.domain.understanding.cue_features import CUE_BUCKETS, CueReading
from intake.domain.understanding.text import LANGUAGES

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
        cues_end = REQUEST_BUCKETS + CUE_BUCKETS
        self._request = array("b", packed[:REQUEST_BUCKETS])
        self._cues = array("b", packed[REQUEST_BUCKETS:cues_end])
        self._language = [
            array("b", packed[start : start + LANGUAGE_BUCKETS])
            for start in range(cues_end, len(packed), LANGUAGE_BUCKETS)
        ]
        self._word = lru_cache(_CACHED_WORDS)(self._weigh)

    def wording_score(self, words: Sequence[str]) -> float:
        """Return how much the words alone speak for a request for a supervisor."""
        read = [self._word(word) for word in words]
        total = sum([word.request for word in read])
        weights = self._request
        for first, second in pairwise(read):
            total += weights[first.pair ^ second.own]
        for first, second in zip(read, read[2:], strict=False):
            total += weights[first.skip ^ second.own]
        return total / _UNIT

    def request_probability(self, reading: CueReading) -> float:
        """Return how sure it is that words ask for a supervisor, from 0 to 1."""
        cues = sum([self._cues[feature] for feature in reading.features]) / _UNIT
        return probability(self.wording_score(reading.words) + cues)

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


def probability(score: float) -> float:
    return 1 / (1 + math.exp(-max(-_MAX_SCORE, min(_MAX_SCORE, score))))


def pack(
    wording: Sequence[float], cues: Sequence[float], languages: Sequence[Sequence[float]]
) -> bytes:
    """Return the weights as they are kept."""
    packed = array("b")
    for weights in (wording, cues, *languages):
        packed.extend(map(_byte, weights))
    return packed.tobytes()


def _byte(weight: float) -> int:
    return max(-_LIMIT, min(_LIMIT, round(weight * _UNIT)))


@cache
def load_model() -> Model:
    return Model(WEIGHTS.read_bytes())
