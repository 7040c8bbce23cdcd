"""Trains the weights of understanding; the standard library is enough, and so it is at run time.

The same templates and seed give the same weights.
"""

import math
import random
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from intake.commands.training.sentences import TEMPLATES, labelled_sentences
from intake.domain.understanding import features
from intake.domain.understanding.model import LANGUAGE_BUCKETS, REQUEST_BUCKETS, pack
from intake.domain.understanding.text import LANGUAGES, Language, fold, words_of

SEED: Final = 20261128
PER_LANGUAGE: Final = 8000
_EPOCHS: Final = 3
_RATE: Final = 0.03
# A sentence that is read this well teaches nothing more.
_GOOD_ENOUGH: Final = 0.02
_MAX_SCORE: Final = 30.0
# Of a part that no sentence had.
_UNSEEN: Final = 0.5


class Sample(NamedTuple):
    """`language` is its place in LANGUAGES."""

    words: list[str]
    language: int
    asks: bool


def train() -> bytes:
    """Return the weights as they are kept."""
    chance = random.Random(SEED)
    samples = list(_samples())
    chance.shuffle(samples)
    return pack(_request_weights(samples, chance), _language_weights(samples))


def _samples() -> Iterator[Sample]:
    for place, language in enumerate(LANGUAGES):
        for sentence, asks in training_sentences(language):
            yield Sample(words_of(fold(sentence)), place, asks)


def training_sentences(language: Language) -> Iterator[tuple[str, bool]]:
    """Make the sentences of a language that the weights are trained from, none held out."""
    chance = random.Random(f"{SEED} {language}")
    held_out = _held_out()
    for sentence, asks in labelled_sentences(language, PER_LANGUAGE, chance):
        if " ".join(words_of(fold(sentence))) not in held_out:
            yield sentence, asks


@cache
def _held_out() -> frozenset[str]:
    """Return what templates can make, folded, but tests measure with."""
    return frozenset((TEMPLATES / "held_out.txt").read_text().splitlines())


def _request_weights(samples: Sequence[Sample], chance: random.Random) -> Sequence[float]:
    """Logistic regression by AdaGrad: each weight changes less, the more it has changed."""
    weights = array("d", bytes(8 * REQUEST_BUCKETS))
    squares = array("d", [1e-3]) * REQUEST_BUCKETS
    rows = [(_row(sample.words), sample.asks) for sample in samples]
    for _ in range(_EPOCHS):
        chance.shuffle(rows)
        for row, asks in rows:
            error = _probability(sum(weights[place] for place in row)) - asks
            if abs(error) >= _GOOD_ENOUGH:
                for place in row:
                    squares[place] += error * error
                    weights[place] -= _RATE * error / math.sqrt(squares[place])
    return weights


def _row(words: list[str]) -> list[int]:
    hashes = [part for word in words for part in features.part_hashes(word)]
    hashes += features.pair_hashes(words)
    return [each % REQUEST_BUCKETS for each in hashes]


def _probability(score: float) -> float:
    return 1 / (1 + math.exp(-max(-_MAX_SCORE, min(_MAX_SCORE, score))))


def _language_weights(samples: Sequence[Sample]) -> Sequence[Sequence[float]]:
    """Naive Bayes on the parts of words; 0 is the mean of the languages."""
    counts = [array("d", [_UNSEEN]) * LANGUAGE_BUCKETS for _ in LANGUAGES]
    for sample in samples:
        row = counts[sample.language]
        for word in set(sample.words):
            for part in features.part_hashes(word):
                row[part % LANGUAGE_BUCKETS] += 1
    totals = [sum(row) for row in counts]
    logarithms = [
        [math.log(count / total) for count in row]
        for row, total in zip(counts, totals, strict=True)
    ]
    means = [sum(column) / len(LANGUAGES) for column in zip(*logarithms, strict=True)]
    return [[value - mean for value, mean in zip(row, means, strict=True)] for row in logarithms]
