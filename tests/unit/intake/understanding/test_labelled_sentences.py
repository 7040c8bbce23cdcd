"""How well requests for a supervisor are read, in sentences that were never trained from.

`sentences` were looked at while the rules were written, `holdout` late and once. Those in
`first_looks` were written before they were tried, set by set; ADR 0080 has how they were read then.
"""

from pathlib import Path

import pytest

from intake.commands.training.weights import training_sentences
from intake.commands.understanding import measure, read_labelled
from intake.domain.understanding.text import LANGUAGES, Language, fold, words_of

HERE = Path(__file__).parent
PARTS = ("sentences", "holdout", *(f"first_looks/{letter}" for letter in "abcdef"))
MIN_EACH = 50
MIN_RECALL = 0.9
MIN_PRECISION = 0.95
# A question that nobody has asked costs a representative's time.
MAX_UNSURE_SHARE = 0.06


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_requests_are_found_with_few_false_alarms(language: Language, part: str) -> None:
    figures = measure(list(read_labelled(HERE / part / f"{language}.txt")))
    assert figures.recall >= MIN_RECALL
    assert figures.precision >= MIN_PRECISION
    assert figures.unsure <= MAX_UNSURE_SHARE * figures.texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_as_many_sentences_ask_as_do_not(language: Language) -> None:
    labels = [labelled.asks for labelled in read_labelled(HERE / "sentences" / f"{language}.txt")]
    assert min(labels.count(True), labels.count(False)) >= MIN_EACH


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_trained_from(language: Language) -> None:
    trained = {tuple(words_of(fold(sentence))) for sentence, _ in training_sentences(language)}
    files = (HERE / part / f"{language}.txt" for part in PARTS)
    texts = [labelled.text for file in files for labelled in read_labelled(file)]
    assert not [text for text in texts if tuple(words_of(fold(text))) in trained]
