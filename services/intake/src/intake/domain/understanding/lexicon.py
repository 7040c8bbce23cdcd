"""The words by which the rules read a clause, by language, with tolerance for typing errors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Final, Literal, get_args

from intake.domain.understanding.text import LANGUAGES, Language

Kind = Literal[
    "target",
    "escalate",
    "person",
    "authority",
    "other",
    "your",
    "my",
    "article",
    "wish",
    "contact",
    "negation",
    "past",
    "asked",
    "still",
    "settled",
    "role",
    "process",
    "praise",
    "third",
    "report",
    "please",
    "now",
    "why",
    "until",
    "needless",
    "declined",
    "relay",
    "pronoun",
    "able",
    "me",
    "available",
    "thanks",
    "that",
    "become",
    "correct",
]
_KINDS: Final[Mapping[str, Kind]] = {kind: kind for kind in get_args(Kind)}
# Kinds whose words are recognised with a typing error too, by the length that it takes.
_TYPO_LENGTH: Final = {"target": 6, "wish": 6, "contact": 6, "escalate": 7}
_ASKED_FOR: Final = frozenset({"target", "escalate", "authority"})
# Two letters in each other's place are one typing error.
_SWAPPED_LETTERS: Final = 2
_CACHED_WORDS: Final = 16384
_MIN_WORD: Final = 5
_MAX_WORD: Final = 24


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase of one kind in a clause: the words from `start` to before `end`."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Phrases by their first word, longest first.

    `misspelt` has words with and without one of their letters. `openers` are the first
    words of what may be asked for.
    """

    phrases: Mapping[str, Sequence[tuple[tuple[str, ...], tuple[Kind, ...]]]]
    misspelt: Mapping[str, str]
    openers: frozenset[str]

    def cues(self, words: Sequence[str]) -> Iterator[Cue]:
        """Yield every phrase; what is inside one of the kind `other` is not a target."""
        words = [self.correct(word) for word in words]
        matches = [
            (start, start + len(phrase), kinds)
            for start, word in enumerate(words)
            for phrase, kinds in self.phrases.get(word, ())
            if tuple(words[start : start + len(phrase)]) == phrase
        ]
        masked = {
            place
            for start, end, kinds in matches
            if "other" in kinds
            for place in range(start, end)
        }
        for start, end, kinds in matches:
            if masked.isdisjoint(range(start, end)) or "other" in kinds:
                yield from (Cue(kind, start, end) for kind in kinds)

    def correct(self, word: str) -> str:
        """Return the word of the lexicon that a word with a typing error means."""
        if word in self.phrases or not _MIN_WORD <= len(word) <= _MAX_WORD:
            return word
        variants = map(self.misspelt.get, _without_one_letter(word))
        return next((each for each in variants if each and _differ_little(each, word)), word)


@lru_cache(_CACHED_WORDS)
def may_open_request(word: str) -> bool:
    """Tell whether a request may begin with the word, in any language."""
    lexicons = map(lexicon_of, LANGUAGES)
    return any(lexicon.correct(word) in lexicon.openers for lexicon in lexicons)


def _without_one_letter(word: str) -> Iterator[str]:
    """Yield the word and what is left of it without each of its letters but the first."""
    yield word
    for at in range(1, len(word)):
        yield word[:at] + word[at + 1 :]


def _differ_little(word: str, other: str) -> bool:
    """Tell whether words that are equal but for a letter of each differ by one typing error."""
    if len(word) != len(other):
        return True
    changed = sum(letter != expected for letter, expected in zip(word, other, strict=True))
    return changed <= _SWAPPED_LETTERS


@cache
def lexicon_of(language: Language) -> Lexicon:
    kinds: dict[tuple[str, ...], list[Kind]] = {}
    misspelt: dict[str, str] = {}
    for kind, phrase in _entries(language):
        kinds.setdefault(phrase, []).append(kind)
        if len(phrase) == 1 and len(phrase[0]) >= _TYPO_LENGTH.get(kind, _MAX_WORD):
            for variant in _without_one_letter(phrase[0]):
                misspelt.setdefault(variant, phrase[0])
    phrases: dict[str, list[tuple[tuple[str, ...], tuple[Kind, ...]]]] = {}
    for phrase, its_kinds in sorted(kinds.items(), key=lambda item: -len(item[0])):
        phrases.setdefault(phrase[0], []).append((phrase, tuple(dict.fromkeys(its_kinds))))
    openers = (
        phrase[0] for phrase, its_kinds in kinds.items() if not _ASKED_FOR.isdisjoint(its_kinds)
    )
    return Lexicon(phrases, misspelt, frozenset(openers))


def _entries(language: Language) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    text = (resources.files(__package__) / "words" / f"{language}.txt").read_text()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, phrases = line.partition(": ")
            kind = _KINDS[name]
            for phrase in phrases.split(", "):
                yield kind, tuple(phrase.split())
