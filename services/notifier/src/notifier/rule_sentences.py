"""Translates the sentences that escalation writes in English about its rules.

Events carry them as text. Where a sentence has none of these forms it stays in English.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from notifier.languages import Language, mark

_LACKS: Final[Mapping[str, str]] = {
    "Not assigned": mark("Not assigned"),
    "No reply": mark("No reply"),
    "No reply to the customer's last message": mark("No reply to the customer's last message"),
    "No update for the customer": mark("No update for the customer"),
    "Not resolved": mark("Not resolved"),
    "Nobody upstairs has acknowledged": mark("Nobody upstairs has acknowledged"),
}
# Marked in `words.j2`.
_DONE: Final = frozenset(
    f"{text} {when}"
    for text in ("assigned", "first reply sent", "reply sent", "update sent", "resolved")
    for when in ("late", "in time")
)
_DURATION: Final = r"\d+ [a-z]+(?: \d+ [a-z]+)?"
_LACK: Final = "|".join(map(re.escape, _LACKS))
_MISSED: Final = re.compile(
    rf"(?P<lack>{_LACK}) within (?P<target>{_DURATION})(?: of calendar (?P<calendar>.+?))?"
    r" \(policy (?P<policy>.+)\)"
)
_AT_STAKE: Final = re.compile(
    rf"(?P<lack>{_LACK}) after (?P<passed>{_DURATION}) of (?P<target>{_DURATION})"
    r"(?: of calendar (?P<calendar>.+?))? \(policy (?P<policy>.+)\)"
)
_Translation = Callable[[re.Match[str], Language], str]


def rule_sentence(text: str, language: Language) -> str:
    """Translate what a rule found: `No reply within 10 min (policy gold v3)`."""
    if match := _MISSED.fullmatch(text):
        return _missed(match, language)
    if match := _AT_STAKE.fullmatch(text):
        return _at_stake(match, language)
    return text


def explanation(text: str, language: Language) -> str:
    """Translate why a page comes now: `no answer from sam; dana not reached (no media)`."""
    return "; ".join(_part(part, language) for part in text.split("; "))


def _part(text: str, language: Language) -> str:
    if text in _DONE:
        return language.gettext(text)
    for pattern, translate in _PARTS.items():
        if match := pattern.fullmatch(text):
            return translate(match, language)
    return text


def _missed(match: re.Match[str], language: Language) -> str:
    return language.gettext(
        "%(lack)s within %(target)s (policy %(policy)s)",
        lack=language.gettext(match["lack"]),
        target=_target(match, language),
        policy=match["policy"],
    )


def _at_stake(match: re.Match[str], language: Language) -> str:
    return language.gettext(
        "%(lack)s after %(passed)s of %(target)s (policy %(policy)s)",
        lack=language.gettext(match["lack"]),
        passed=language.units(match["passed"]),
        target=_target(match, language),
        policy=match["policy"],
    )


def _target(match: re.Match[str], language: Language) -> str:
    target = language.units(match["target"])
    if match["calendar"] is None:
        return target
    return language.gettext(
        "%(duration)s of calendar %(calendar)s", duration=target, calendar=match["calendar"]
    )


def _unanswered(match: re.Match[str], language: Language) -> str:
    return language.gettext("no answer from %(people)s", people=match["people"])


def _not_reached(match: re.Match[str], language: Language) -> str:
    return language.gettext(
        "%(person)s not reached (%(reason)s)", person=match["person"], reason=match["reason"]
    )


def _shift_ended(match: re.Match[str], language: Language) -> str:
    return language.gettext("shift of %(person)s ended", person=match["person"])


def _handed_over(match: re.Match[str], language: Language) -> str:
    return language.gettext("%(person)s hands it over", person=match["person"])


def _approval_refused(match: re.Match[str], language: Language) -> str:
    return language.gettext(
        "%(person)s does not approve %(amount)s (%(outcome)s)",
        person=match["person"],
        amount=match["amount"],
        # Marked in `words.j2`.
        outcome=language.gettext(match["outcome"].replace("_", " ")),
    )


_PARTS: Final[Mapping[re.Pattern[str], _Translation]] = {
    re.compile("no answer from (?P<people>.+)"): _unanswered,
    re.compile(r"(?P<person>\S+) not reached \((?P<reason>.+)\)"): _not_reached,
    re.compile(r"shift of (?P<person>\S+) ended"): _shift_ended,
    re.compile(r"(?P<person>\S+) hands it over"): _handed_over,
    re.compile(
        r"(?P<person>\S+) does not approve (?P<amount>[^(]+) \((?P<outcome>[a-z_]+)\)"
    ): _approval_refused,
}
