"""The linear models: how sure it is that words ask for a supervisor, and in which language."""

import math
from array import array
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

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


class Model:
    """Weights, one signed byte each, and what known words weigh."""

    def __init__(self, packed: bytes) -> None:
        weights = array("b", packed)
        self._request = weights[:REQUEST_BUCKETS]
        self._language = [
            weights[start : start + LANGUAGE_BUCKETS]
            for start in range(REQUEST_BUCKETS, len(weights), LANGUAGE_BUCKETS)
        ]
        self._word = lru_cache(_CACHED_WORDS)(self._weigh)

    def request_probability(self, words: Sequence[str]) -> float:
        """Return how sure it is that the words ask for a supervisor, from 0 to 1."""
        known = [self._word(word) for word in words]
        total = sum(weight for _, weight, _ in known)
        request, size = self._request, REQUEST_BUCKETS
        for pair in features.pair_hashes([each[0] for each in known]):
            total += request[pair % size]
        return 1 / (1 + math.exp(-max(-_MAX_SCORE, min(_MAX_SCORE, total / _UNIT))))

    def language_scores(self, words: Sequence[str]) -> list[float]:
        """Return how well the words fit each language: logarithms, of which 0 is the mean."""
        totals = [0] * len(LANGUAGES)
        for word in words:
            for at, weight in enumerate(self._word(word)[2]):
                totals[at] += weight
        return [total / _UNIT for total in totals]

    def _weigh(self, word: str) -> tuple[int, int, tuple[int, ...]]:
        """Return the hash of a word and what it weighs for the request and for each language."""
        parts = features.part_hashes(word)
        request = sum(self._request[part % REQUEST_BUCKETS] for part in parts)
        languages = tuple(
            sum(weights[part % LANGUAGE_BUCKETS] for part in parts) for weights in self._language
        )
        return features.word_hash(word), request, languages


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
