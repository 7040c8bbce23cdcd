"""Sentences to train from, made from templates: with typing errors, and among other sentences."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from intake.commands.training.texts import LabelledText
from intake.domain.understanding.text import Language

TEMPLATES: Final = Path(__file__).parent / "templates"
_SLOT: Final = re.compile(r"\{(\w+)\}")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST_WITH_TYPO: Final = 4
# Shares of the sentences that are made harder.
_WITH_TYPO: Final = 0.3
_WITH_GREETING: Final = 0.2
_WITH_MORE: Final = 0.35
_MORE_BEFORE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Grammar:
    """Alternatives by the name of a slot, and templates by their label."""

    slots: Mapping[str, Sequence[str]]
    templates: Mapping[bool, Sequence[str]]


def read_grammar(language: Language) -> Grammar:
    slots: dict[str, list[str]] = {}
    templates: dict[bool, list[str]] = {True: [], False: []}
    for line in (TEMPLATES / f"{language}.txt").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name in ("yes", "no"):
            templates[name == "yes"].append(value)
        elif not line.startswith("#"):
            slots[name] = value.split("|")
    return Grammar(slots, templates)


def labelled_sentences(
    language: Language, number: int, chance: random.Random
) -> Iterator[LabelledText]:
    """Make sentences; of those that ask for a supervisor, as many as of the others."""
    grammar = read_grammar(language)
    for count in range(number):
        asks = count % 2 == 0
        yield LabelledText(_sentence(grammar, chance, asks=asks), asks)


def _sentence(grammar: Grammar, chance: random.Random, *, asks: bool) -> str:
    sentence = _fill(chance.choice(grammar.templates[asks]), grammar, chance)
    if chance.random() < _WITH_GREETING:
        sentence = f"{_fill('{hi}', grammar, chance)} {sentence}"
    if chance.random() < _WITH_MORE:
        more = _fill(chance.choice(("{why}", "{fact}")), grammar, chance)
        parts = [more, sentence] if chance.random() < _MORE_BEFORE else [sentence, more]
        sentence = " ".join(parts)
    if chance.random() < _WITH_TYPO:
        sentence = _misspell(sentence, chance)
    return " ".join(sentence.split())


def _fill(template: str, grammar: Grammar, chance: random.Random) -> str:
    while _SLOT.search(template):
        template = _SLOT.sub(lambda slot: chance.choice(grammar.slots[slot[1]]), template)
    return template


def _misspell(sentence: str, chance: random.Random) -> str:
    words = sentence.split()
    long = [at for at, word in enumerate(words) if len(word) >= _SHORTEST_WITH_TYPO]
    for at in chance.sample(long, min(len(long), chance.choice((1, 2)))):
        words[at] = _with_typo(words[at], chance)
    return " ".join(words)


def _with_typo(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    match chance.choice(("drop", "double", "swap", "change")):
        case "drop":
            return word[:at] + word[at + 1 :]
        case "double":
            return word[:at] + word[at] + word[at:]
        case "swap":
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            return word[:at] + chance.choice(_LETTERS) + word[at + 1 :]
