"""The language of a text, by the parts of its words."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from intake.domain.understanding.model import likeliest, load_model
from intake.domain.understanding.text import LANGUAGES, Language

# A language whose score is so much below the best may be the right one too.
_CLOSE: Final = 15.0
_CLOSE_SHARE: Final = 0.12
# So many words decide the language; a letter in another one may be quoted below.
_WORDS: Final = 60


class LanguageGuess(NamedTuple):
    """`certain`: no other language is close."""

    language: Language
    certain: bool


def closest_languages(words: Sequence[str]) -> Sequence[Language]:
    """Return the likeliest language of folded words, and those that are about as likely."""
    scores = load_model().language_scores(words[:_WORDS])
    best = max(scores)
    floor = best - max(_CLOSE, _CLOSE_SHARE * best)
    return [
        language for language in likeliest(scores) if scores[LANGUAGES.index(language)] >= floor
    ]


def guess_language(words: Sequence[str]) -> LanguageGuess:
    languages = closest_languages(words)
    return LanguageGuess(languages[0], len(languages) == 1)
