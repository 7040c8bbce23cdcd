"""Trains the weights of understanding; the standard library is enough, and so it is at run time.

The same templates, texts, words and seed give the same weights.
"""

import math
import random
from array import array
from collections.abc import Iterator, MutableSequence, Sequence
from functools import cache
from typing import Final, NamedTuple

from intake.commands.training.sentences import TEMPLATES, labelled_sentences
from intake.commands.training.texts import written_texts
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

SEED: Final = 20261128
PER_LANGUAGE: Final = 8000
# Of the sentences that templates make, so many a language teach what a request is; all of them
# teach what the language is.
MADE: Final = 2000
# The mean of runs in different orders depends less on one order.
_RUNS: Final = 4
_ROUNDS_MADE: Final = 1
_ROUNDS_WRITTEN: Final = 10
_ROUNDS_APART: Final = 3
_RATE: Final = 0.03
_FIRST_SQUARE: Final = 1e-3
# A sentence that is read this well teaches nothing more.
_GOOD_ENOUGH: Final = 0.005
# Of a part that no sentence had.
_UNSEEN: Final = 0.5


class Sample(NamedTuple):
    """A text: the features of each part of it. One part asks, or none does."""

    parts: Sequence[Sequence[int]]
    asks: bool


def train() -> bytes:
    """Return the weights as they are kept."""
    made = {language: list(training_sentences(language)) for language in LANGUAGES}
    written = {language: list(written_texts(language)) for language in LANGUAGES}
    made_samples = [
        sample_of(text, language, asks=asks)
        for language in LANGUAGES
        for text, asks in made[language][:MADE]
    ]
    written_samples = [
        sample_of(text, language, asks=asks)
        for language in LANGUAGES
        for text, asks in written[language]
    ]
    runs = [request_weights(made_samples, written_samples, seed) for seed in range(_RUNS)]
    weights = [sum(of_runs) / _RUNS for of_runs in zip(*runs, strict=True)]
    texts = [[text for text, _ in (*made[language], *written[language])] for language in LANGUAGES]
    return pack(weights[:REQUEST_BUCKETS], weights[REQUEST_BUCKETS:], _language_weights(texts))


def sample_of(text: str, language: Language, *, asks: bool) -> Sample:
    readings = read_cues(sentences(fold_own_words(text)), lexicon_of(language))
    return Sample([_row(reading) for reading in readings] or [[]], asks)


def _row(reading: CueReading) -> Sequence[int]:
    hashes = [part for word in reading.words for part in features.part_hashes(word)]
    hashes += features.pair_hashes(reading.words)
    cues = [REQUEST_BUCKETS + feature for feature in reading.features]
    return array("l", [*(each % REQUEST_BUCKETS for each in hashes), *cues])


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


def request_weights(
    made: Sequence[Sample], written: Sequence[Sample], seed: int
) -> Sequence[float]:
    """Logistic regression by AdaGrad: each weight changes less, the more it has changed.

    Sentences that templates made come first, so that texts that people wrote have the last word.
    The weights are the mean of those after each later round, which smooths the last changes.
    """
    chance = random.Random(f"{SEED} {seed}")
    number = REQUEST_BUCKETS + CUE_BUCKETS
    weights, squares = array("d", bytes(8 * number)), array("d", [_FIRST_SQUARE]) * number
    means = array("d", bytes(8 * number))
    for samples, rounds in ((made, _ROUNDS_MADE), (written, _ROUNDS_WRITTEN)):
        rows = list(samples)
        for number_of_round in range(rounds):
            chance.shuffle(rows)
            for sample in rows:
                _learn(sample, weights, squares)
            if samples is written and number_of_round >= _ROUNDS_APART:
                share = 1 / (rounds - _ROUNDS_APART)
                means = array("d", [m + share * w for m, w in zip(means, weights, strict=True)])
    return means


def _learn(
    sample: Sample, weights: MutableSequence[float], squares: MutableSequence[float]
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
