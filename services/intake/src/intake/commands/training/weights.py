"""Trains the weights of understanding; the standard library is enough, and so it is at run time.

The same templates, texts, words and seed give the same weights.
"""

import math
import random
from array import array
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from functools import cache
from typing import Final, NamedTuple

from intake.commands.training.sentences import TEMPLATES, labelled_sentences
from intake.commands.training.texts import LabelledText, written_texts
from intake.domain.understanding import features
from intake.domain.understanding.cue_features import CUE_BUCKETS, CueReading, read_cues
from intake.domain.understanding.lexicon import lexicon_of
from intake.domain.understanding.model import (
    LANGUAGE_BUCKETS,
    REQUEST_BUCKETS,
    pack,
    probability,
)
from intake.domain.understanding.own_words import fold_own_words
from intake.domain.understanding.text import LANGUAGES, Language, fold, sentences, words_of

_SEED: Final = 20261128
_PER_LANGUAGE: Final = 8000
# Of the sentences that templates make, so many a language teach what a request is; all of them
# teach what the language is.
_MADE: Final = 2000
# The mean of runs in different orders depends less on one order.
_RUNS: Final = 4
_ROUNDS: Final = 10
# The first ones are no part of the mean.
_ROUNDS_APART: Final = 3
_RATE: Final = 0.03
_FIRST_SQUARE: Final = 1e-3
# A sentence that is read this well teaches nothing more.
_GOOD_ENOUGH: Final = 0.005
# Of a part that no sentence had.
_UNSEEN: Final = 0.5


class _Sample(NamedTuple):
    """A text: the features of each part of it. One part asks, or none does."""

    parts: Sequence[Sequence[int]]
    asks: bool


def train() -> bytes:
    """Return the weights as they are kept."""
    made = {language: list(training_sentences(language)) for language in LANGUAGES}
    written = {language: list(written_texts(language)) for language in LANGUAGES}
    made_samples = _samples({language: texts[:_MADE] for language, texts in made.items()})
    written_samples = _samples(written)
    runs = [_request_weights(made_samples, written_samples, seed) for seed in range(_RUNS)]
    weights = [sum(of_runs) / _RUNS for of_runs in zip(*runs, strict=True)]
    texts = [[each.text for each in (*made[of], *written[of])] for of in LANGUAGES]
    return pack(weights[:REQUEST_BUCKETS], weights[REQUEST_BUCKETS:], _language_weights(texts))


def _samples(texts: Mapping[Language, Sequence[LabelledText]]) -> Sequence[_Sample]:
    return [_sample(text, language) for language in LANGUAGES for text in texts[language]]


def _sample(labelled: LabelledText, language: Language) -> _Sample:
    readings = read_cues(sentences(fold_own_words(labelled.text)), lexicon_of(language))
    return _Sample([_row(reading) for reading in readings] or [[]], labelled.asks)


def _row(reading: CueReading) -> Sequence[int]:
    hashes = [part for word in reading.words for part in features.part_hashes(word)]
    hashes += features.pair_hashes(reading.words)
    cues = [REQUEST_BUCKETS + feature for feature in reading.features]
    return array("l", [*(each % REQUEST_BUCKETS for each in hashes), *cues])


def training_sentences(language: Language) -> Iterator[LabelledText]:
    """Make the sentences of a language that the weights are trained from, none held out."""
    chance = random.Random(f"{_SEED} {language}")
    held_out = _held_out()
    for sentence in labelled_sentences(language, _PER_LANGUAGE, chance):
        if " ".join(words_of(fold(sentence.text))) not in held_out:
            yield sentence


@cache
def _held_out() -> frozenset[str]:
    """Return what templates can make, folded, but tests measure with."""
    return frozenset((TEMPLATES / "held_out.txt").read_text().splitlines())


def _request_weights(
    made: Sequence[_Sample], written: Sequence[_Sample], seed: int
) -> Sequence[float]:
    """Logistic regression by AdaGrad: each weight changes less, the more it has changed.

    Sentences that templates made come first, so that texts that people wrote have the last word.
    The weights are the mean of those after each later round, which smooths the last changes.
    """
    chance = random.Random(f"{_SEED} {seed}")
    number = REQUEST_BUCKETS + CUE_BUCKETS
    weights, squares = array("d", bytes(8 * number)), array("d", [_FIRST_SQUARE]) * number
    means = array("d", bytes(8 * number))
    share = 1 / (_ROUNDS - _ROUNDS_APART)
    samples = list(made)
    _learn_all(samples, weights, squares, chance)
    samples = list(written)
    for number_of_round in range(_ROUNDS):
        _learn_all(samples, weights, squares, chance)
        if number_of_round >= _ROUNDS_APART:
            means = array("d", [m + share * w for m, w in zip(means, weights, strict=True)])
    return means


def _learn_all(
    samples: list[_Sample],
    weights: MutableSequence[float],
    squares: MutableSequence[float],
    chance: random.Random,
) -> None:
    """Learn from each sample once, in a new order."""
    chance.shuffle(samples)
    for sample in samples:
        _learn(sample, weights, squares)


def _learn(
    sample: _Sample, weights: MutableSequence[float], squares: MutableSequence[float]
) -> None:
    """Learn that no part asks, or that the one does that looks most like it."""
    scored = [(sum([weights[place] for place in row]), row) for row in sample.parts]
    for score, row in [max(scored)] if sample.asks else scored:
        error = probability(score) - sample.asks
        if abs(error) >= _GOOD_ENOUGH:
            square, step = error * error, _RATE * error
            for place in row:
                squares[place] += square
                weights[place] -= step / math.sqrt(squares[place])


def _language_weights(texts: Sequence[Sequence[str]]) -> Sequence[Sequence[float]]:
    """Naive Bayes on the parts of words; 0 is the mean of the languages."""
    counts = [array("d", [_UNSEEN]) * LANGUAGE_BUCKETS for _ in LANGUAGES]
    for row, of_language in zip(counts, texts, strict=True):
        for text in of_language:
            for word in set(words_of(fold(text))):
                for part in features.part_hashes(word):
                    row[part % LANGUAGE_BUCKETS] += 1
    totals = [sum(row) for row in counts]
    logarithms = [
        [math.log(count / total) for count in row]
        for row, total in zip(counts, totals, strict=True)
    ]
    means = [sum(column) / len(LANGUAGES) for column in zip(*logarithms, strict=True)]
    return [[value - mean for value, mean in zip(row, means, strict=True)] for row in logarithms]
