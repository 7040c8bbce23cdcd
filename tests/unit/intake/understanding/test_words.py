"""The lists of words by their kinds."""

from importlib import resources

import pytest

from intake.domain.understanding.text import LANGUAGES, Language, fold, words_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_phrase_is_as_texts_are_folded_and_stands_once_in_its_kind(language: Language) -> None:
    file = resources.files("intake.domain.understanding") / "words" / f"{language}.txt"
    for line in file.read_text().splitlines():
        phrases = line.partition(": ")[2].split(", ")
        if not line.startswith("#"):
            assert phrases == [" ".join(words_of(fold(phrase))) for phrase in phrases]
            assert len(phrases) == len(set(phrases))
