"""Words by their kinds, by language, with tolerance for typing errors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from sys import intern
from typing import Final, Literal, NamedTuple, get_args

from intake.domain.understanding.text import LANGUAGES, Language

# What is said around a request, or instead of one.
Circumstance = Literal[
    "colleague",
    "tool",
    "hiring",
    "trouble",
    "fine",
    "condition",
    "farewell",
    "exception",
    "consult",
    "legal",
    "waiting",
    "family",
]
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
    "choice",
    "absent",
    "correct",
    "about",
    "how",
    "advised",
    "polite",
    "greeting",
    "booked",
    "offered",
    "may",
    "filler",
    "of",
    "booking",
    Circumstance,
]
_KINDS: Final[Mapping[str, Kind]] = {kind: kind for kind in get_args(Kind)}
# Kinds whose words are recognised with a typing error too, by the length that it takes.
_TYPO_LENGTH: Final = {"target": 6, "wish": 6, "contact": 6, "escalate": 7}
_ASKED_FOR: Final = frozenset({"target", "escalate", "authority", "able"})
# Two letters in each other's place are one typing error.
_SWAPPED_LETTERS: Final = 2
_CACHED_WORDS: Final = 16384
_PAIR: Final = 2
_MIN_WORD: Final = 5
_MAX_WORD: Final = 24


Entry = tuple[tuple[str, ...], tuple[Kind, ...]]


class Cue(NamedTuple):
    """A phrase of one kind among words: the words from `start` to before `end`."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Phrases of one word by it, and longer ones by their first two, longest first.

    `misspelt` has words with and without one of their letters. `openers` and `opening_pairs`
    begin what may be asked for; `pair_openers` are the first words of those pairs.
    `corrected` remembers what words mean.
    """

    single: Mapping[str, Sequence[Entry]]
    longer: Mapping[tuple[str, ...], Sequence[Entry]]
    first_words: frozenset[str]
    misspelt: Mapping[str, str]
    openers: frozenset[str]
    opening_pairs: frozenset[tuple[str, str]]
    pair_openers: frozenset[str]
    corrected: dict[str, str] = field(default_factory=dict, compare=False)

    def cues(self, words: Sequence[str]) -> Iterator[Cue]:
        """Yield every phrase; what is inside one of the kind `other` is not a target."""
        words = tuple(map(self.correct, words))
        matches = [
            (start, start + len(phrase), kinds)
            for start, pair in enumerate(pairwise((*words, "")))
            for phrase, kinds in (*self.longer.get(pair, ()), *self.single.get(pair[0], ()))
            if len(phrase) <= _PAIR or words[start : start + len(phrase)] == phrase
        ]
        masked = {
            place
            for start, end, kinds in matches
            if "other" in kinds
            for place in range(start, end)
        }
        for start, end, kinds in matches:
            if not masked or masked.isdisjoint(range(start, end)) or "other" in kinds:
                for kind in kinds:
                    yield Cue(kind, start, end)

    def correct(self, word: str) -> str:
        """Return the word of the lexicon that a word with a typing error means."""
        meaning = self.corrected.get(word)
        if meaning is None:
            if len(self.corrected) >= _CACHED_WORDS:
                self.corrected.clear()
            meaning = self.corrected[word] = self._correct(word)
        return meaning

    def _correct(self, word: str) -> str:
        if word in self.first_words or not _MIN_WORD <= len(word) <= _MAX_WORD:
            return word
        variants = map(self.misspelt.get, _without_one_letter(word))
        return next((each for each in variants if each and _differ_little(each, word)), word)


def may_open_request(words: Sequence[str]) -> bool:
    """Tell whether a request may begin somewhere in the words, in any language."""
    openings = list(map(_opening, words))
    return "word" in openings or any(
        opening == "pair" and _is_opening_pair(first, second)
        for opening, (first, second) in zip(openings, pairwise(words), strict=False)
    )


@lru_cache(_CACHED_WORDS)
def _opening(word: str) -> Literal["word", "pair", "none"]:
    """Tell whether a request may begin with the word, or with it and the next one."""
    words = [(lexicon, lexicon.correct(word)) for lexicon in map(lexicon_of, LANGUAGES)]
    if any(each in lexicon.openers for lexicon, each in words):
        return "word"
    return "pair" if any(each in lexicon.pair_openers for lexicon, each in words) else "none"


@lru_cache(_CACHED_WORDS)
def _is_opening_pair(first: str, second: str) -> bool:
    lexicons = map(lexicon_of, LANGUAGES)
    return any(
        (lexicon.correct(first), lexicon.correct(second)) in lexicon.opening_pairs
        for lexicon in lexicons
    )


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
    kinds: dict[tuple[str, ...], tuple[Kind, ...]] = {}
    misspelt: dict[str, str] = {}
    for kind, phrase in _entries(language):
        kinds[phrase] = _with_kind(kinds.get(phrase, ()), kind)
        if len(phrase) == 1 and len(phrase[0]) >= _TYPO_LENGTH.get(kind, _MAX_WORD):
            for variant in _without_one_letter(phrase[0]):
                misspelt.setdefault(variant, phrase[0])
    single: dict[str, tuple[Entry, ...]] = {}
    longer: dict[tuple[str, ...], tuple[Entry, ...]] = {}
    for entry in sorted(kinds.items(), key=lambda item: -len(item[0])):
        phrase, _ = entry
        if len(phrase) == 1:
            single[phrase[0]] = (entry,)
        else:
            pair = phrase[:_PAIR]
            longer[pair] = (*longer.get(pair, ()), entry)
    first_words = frozenset(phrase[0] for phrase in kinds)
    asked_for = [
        phrase for phrase, its_kinds in kinds.items() if not _ASKED_FOR.isdisjoint(its_kinds)
    ]
    return Lexicon(
        single,
        longer,
        first_words,
        misspelt,
        frozenset(phrase[0] for phrase in asked_for if len(phrase) == 1),
        frozenset((phrase[0], phrase[1]) for phrase in asked_for if len(phrase) > 1),
        frozenset(phrase[0] for phrase in asked_for if len(phrase) > 1),
    )


@cache
def _with_kind(kinds: tuple[Kind, ...], kind: Kind) -> tuple[Kind, ...]:
    """Return the kinds with one more; thousands of phrases share the few that there are."""
    return kinds if kind in kinds else (*kinds, kind)


def _entries(language: Language) -> Iterator[tuple[Kind, tuple[str, ...]]]:
    text = (resources.files(__package__) / "words" / f"{language}.txt").read_text()
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, phrases = line.partition(": ")
            kind = _KINDS[name]
            for phrase in phrases.split(", "):
                # The same word, as `supervisor`, is in many phrases and in several languages.
                yield kind, tuple(map(intern, phrase.split()))
