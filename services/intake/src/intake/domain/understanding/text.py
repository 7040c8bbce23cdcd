"""Texts as the models read them: folded, in sentences and words."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, NewType, get_args

# What `fold` makes of a text.
FoldedText = NewType("FoldedText", str)
Language = Literal["en", "de", "es", "fr", "pt", "it"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_CONTRACTION: Final = re.compile(r"'(t|s|d|ll|ve|re|m)\b")
_FOLDED: Final = str.maketrans(
    {
        "ß": "ss",
        "œ": "oe",
        "¿": ". ",
        "¡": " ",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{ACUTE ACCENT}": "'",
        "\N{EN DASH}": " - ",
        "\N{EM DASH}": " - ",
    }
)
# A point after one of these belongs to a name: "Mr. Roy".
_TITLES: Final = (
    "m",
    "mr",
    "mrs",
    "ms",
    "mme",
    "dr",
    "dra",
    "sr",
    "sra",
    "sig",
    "hr",
    "fr",
    "prof",
)
_NO_TITLE: Final = "".join(rf"(?<!\b{title}\.)" for title in _TITLES)
_SENTENCE: Final = re.compile(rf"[.!?]{_NO_TITLE}[.!?]*|\n+|[;:]\s")
_WORD: Final = re.compile(r"[a-z0-9]+")
# A sentence without punctuation is read in windows, so that its ends do not explain each other.
_WINDOW_WORDS: Final = 24


class Sentence(NamedTuple):
    words: list[str]
    is_question: bool


def fold(text: str) -> FoldedText:
    """Return the text in lower case, without accents and apostrophes."""
    text = text.lower()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(_FOLDED))
        text = decomposed.encode("ascii", "ignore").decode()
    return FoldedText(_CONTRACTION.sub(r"\1", text) if "'" in text else text)


def sentences(folded: FoldedText) -> Iterator[Sentence]:
    """Yield the sentences of a text that have words."""
    start = 0
    for end in _SENTENCE.finditer(folded):
        if words := words_of(folded[start : end.start()]):
            yield Sentence(words, "?" in end.group())
        start = end.end()
    if words := words_of(folded[start:]):
        yield Sentence(words, is_question=False)


def words_of(folded: str) -> list[str]:
    return _WORD.findall(folded)


def windows(words: list[str]) -> Iterator[list[str]]:
    """Yield overlapping parts of a long list of words, or the list itself."""
    if len(words) <= _WINDOW_WORDS:
        yield words
        return
    step = _WINDOW_WORDS // 2
    for start in range(0, len(words) - step, step):
        yield words[start : start + _WINDOW_WORDS]
