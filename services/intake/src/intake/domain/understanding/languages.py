"""The language of a text, by the parts of its words."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from intake.domain.understanding.model import load_model
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


def guess_language(words: Sequence[str]) -> LanguageGuess:
    """Return the likeliest language of folded words."""
    scores = load_model().language_scores(words[:_WORDS])
    best = max(scores)
    floor = best - max(_CLOSE, _CLOSE_SHARE * best)
    close = [score for score in scores if score >= floor]
    return LanguageGuess(LANGUAGES[scores.index(best)], len(close) == 1)
