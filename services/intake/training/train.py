"""Trains the models of understanding: `python services/intake/training/train.py`, some minutes.

The same templates and seed give the same weights. Standard library only: training needs no more
than the service has.
"""

import math
import random
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent))

from sentences import labelled_sentences

from intake.domain.understanding import features
from intake.domain.understanding.model import (
    LANGUAGE_BUCKETS,
    REQUEST_BUCKETS,
    WEIGHTS,
    pack,
)
from intake.domain.understanding.text import LANGUAGES, fold, words_of

SEED: Final = 20261128
PER_LANGUAGE: Final = 8000
EPOCHS: Final = 3
_RATE: Final = 0.3
_DECAY: Final = 1e-6

Sample = tuple[list[int], int, bool]


def main() -> None:
    chance = random.Random(SEED)
    samples = [
        (words_of(fold(sentence)), number, asks)
        for number, language in enumerate(LANGUAGES)
        for sentence, asks in labelled_sentences(language, PER_LANGUAGE, chance)
    ]
    chance.shuffle(samples)
    request = _train_request(samples, chance)
    language = _train_language(samples, chance)
    WEIGHTS.write_bytes(pack(request, language))
    print(f"{len(samples)} sentences; {WEIGHTS.stat().st_size} bytes")


def _train_request(
    samples: list[tuple[list[str], int, bool]], chance: random.Random
) -> Sequence[float]:
    """Logistic regression by AdaGrad."""
    size = REQUEST_BUCKETS
    weights, squares = array("d", bytes(8 * size)), array("d", [1e-3]) * size
    parts: dict[str, list[int]] = {}
    rows: list[tuple[list[int], bool]] = []
    for words, _, asks in samples:
        row: list[int] = []
        for word in words:
            if word not in parts:
                parts[word] = [each % size for each in features.part_hashes(word)]
            row += parts[word]
        hashes = [features.word_hash(word) for word in words]
        row += [each % size for each in features.pair_hashes(hashes)]
        rows.append((row, asks))
    for epoch in range(EPOCHS):
        chance.shuffle(rows)
        loss = 0.0
        for row, asks in rows:
            score = sum(weights[at] for at in row)
            probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
            error = probability - asks
            loss += abs(error)
            if abs(error) < 0.02:
                continue
            for at in row:
                gradient = error + _DECAY * weights[at]
                squares[at] += gradient * gradient
                weights[at] -= _RATE * 0.1 * gradient / math.sqrt(squares[at])
        print(f"request, epoch {epoch + 1}: mean error {loss / len(rows):.4f}", flush=True)
    return weights


def _train_language(
    samples: list[tuple[list[str], int, bool]], chance: random.Random
) -> Sequence[Sequence[float]]:
    """Naive Bayes on the parts of the different words of each language."""
    del chance
    size = LANGUAGE_BUCKETS
    counts = [array("d", [0.5]) * size for _ in LANGUAGES]
    for words, language, _ in samples:
        for word in set(words):
            for each in features.part_hashes(word):
                counts[language][each % size] += 1
    totals = [sum(row) for row in counts]
    logs = [[math.log(n / total) for n in row] for row, total in zip(counts, totals, strict=True)]
    means = [sum(column) / len(LANGUAGES) for column in zip(*logs, strict=True)]
    return [[value - mean for value, mean in zip(row, means, strict=True)] for row in logs]


if __name__ == "__main__":
    main()
