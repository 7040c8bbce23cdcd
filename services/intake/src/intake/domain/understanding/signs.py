"""What else a text is a sign of: its topic, that it is urgent, that its writer needs care.

By rules that people can read and change. The evidence is the phrase of the rule, not the text.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.contacts import Priority
from intake.domain.priorities import is_more_urgent
from intake.domain.understanding.languages import guess_language
from intake.domain.understanding.own_words import fold_own_words
from intake.domain.understanding.text import FoldedText, Language, fold, words_of

# "Not urgent", "no es tan urgente": what stands directly before a phrase of urgency.
_DENIAL: Final = re.compile(
    r"\b(?:not|isnt|no|non|nicht|kein|keine|keinen|pas|sans|nao|sem|senza|nessuna|nada|never|sin)"
    r"(?: (?:that|so|very|really|at|all|an|a|es|tan|muy|e|cosi|molto|un|una|uma|tao|muito|d|de|tres"
    r"|si|vraiment|sehr|wirklich|ganz|eine|nothing|hay|ha|there|is|any|corre|tanta|tanto)){0,2} $"
)
# "Ihr Kollege hat uns sofort umgebucht": how fast somebody was before.
_PAST: Final = re.compile(
    r"\b(?:(?:hat|haben|hatte|hatten) (?:uns|mich|mir|es|das|ihn|sie)"
    r"|(?:nous|m|me|l) (?:a|ont)(?: [a-z]+)?|(?:ci|mi|lo|ce lo|me lo) (?:ha|hanno)(?: [a-z]+)?"
    r"|(?:me|nos|lo) (?:ha|han)(?: [a-z]+)?) $"
)
_BEFORE_CHARACTERS: Final = 40


class Finding(NamedTuple):
    """What a text is a sign of, and the phrase that says so."""

    value: str
    phrase: str


class SignRules(Struct, frozen=True):
    """Phrases by what they are a sign of.

    A topic is taken from the text if the channel stated one of `vague_topics`. An urgent text
    raises the priority to `urgency_priority`; without one, to nothing.
    """

    topics: Mapping[str, Sequence[str]] = {}
    urgency: Sequence[str] = ()
    vulnerability: Mapping[str, Sequence[str]] = {}
    urgency_priority: Priority | None = None
    vague_topics: Sequence[str] = ("general",)


class Signs(NamedTuple):
    """`language` is None if the text does not tell it clearly."""

    language: Language | None = None
    topic: Finding | None = None
    urgency: Finding | None = None
    vulnerability: tuple[Finding, ...] = ()


class StatedNeeds(NamedTuple):
    """What a channel says of a contact; a language that it does not know is `und`."""

    topic: str
    language: str
    priority: Priority


class SignReader:
    """Rules, ready to be applied to texts."""

    def __init__(self, rules: SignRules) -> None:
        self.rules = rules
        self._topics = _patterns(rules.topics)
        self._urgency = _pattern(rules.urgency)
        self._vulnerability = _patterns(rules.vulnerability)

    def read(self, text: str) -> Signs:
        """Read the customer's own words. Do it before a transaction."""
        return self.read_folded(fold_own_words(text))

    def read_folded(self, folded: FoldedText) -> Signs:
        """Read the customer's own words, which `fold_own_words` returns."""
        words = words_of(folded)
        line = " ".join(words)
        guess = guess_language(words) if words else None
        return Signs(
            guess.language if guess and guess.certain else None,
            next(iter(_findings(self._topics, line)), None),
            self._urgent(line),
            tuple(_findings(self._vulnerability, line)),
        )

    def _urgent(self, line: str) -> Finding | None:
        matches = self._urgency.finditer(line) if self._urgency is not None else ()
        for match in matches:
            before = line[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()]
            if _DENIAL.search(before) is None and _PAST.search(before) is None:
                return Finding("urgent", match.group())
        return None

    def topic(self, stated: str, signs: Signs) -> str:
        """Return the topic of a contact: the one that its channel stated, unless it is vague."""
        is_vague = stated in self.rules.vague_topics
        return signs.topic.value if signs.topic is not None and is_vague else stated

    def priority(self, stated: Priority, signs: Signs) -> Priority:
        """Return the priority of a contact: an urgent text may raise it, and never lowers it."""
        raised = self.rules.urgency_priority
        if signs.urgency is None or raised is None or not is_more_urgent(raised, stated):
            return stated
        return raised


def _findings(patterns: Mapping[str, re.Pattern[str] | None], line: str) -> Iterable[Finding]:
    for value, pattern in patterns.items():
        match = pattern.search(line) if pattern is not None else None
        if match is not None:
            yield Finding(value, match.group())


def _patterns(phrases: Mapping[str, Sequence[str]]) -> dict[str, re.Pattern[str] | None]:
    return {value: _pattern(its_phrases) for value, its_phrases in phrases.items()}


def _pattern(phrases: Sequence[str]) -> re.Pattern[str] | None:
    alternatives = [_alternative(phrase) for phrase in phrases]
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b") if alternatives else None


def _alternative(phrase: str) -> str:
    stem = " ".join(words_of(fold(phrase)))
    return rf"{stem}[a-z0-9]*" if phrase.endswith("*") else stem


@cache
def standard_rules() -> SignRules:
    """Return the rules that every installation begins with: no topics, and no priority raised."""
    text = (resources.files(__package__) / "signs.toml").read_text()
    table = tomllib.loads(text)
    return SignRules(urgency=table["urgency"], vulnerability=table["vulnerability"])


def with_own_rules(own: SignRules) -> SignRules:
    """Return the standard rules with an installation's own, which replace those of a name."""
    standard = standard_rules()
    return replace(
        own,
        urgency=own.urgency or standard.urgency,
        vulnerability={**standard.vulnerability, **own.vulnerability},
    )
