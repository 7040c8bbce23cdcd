"""Which policy a contact would get, and why not this one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views import words
from console.views.fields import FieldView, Option
from console.views.reader import Reader
from console.views.settings.phrases import PRIORITIES, TIERS, labels
from console.views.settings.policies import POLICIES
from console.views.words import title_of

_LENGTH: Final = 100
# What the question asks first.
_CHOICES: Final[Mapping[str, tuple[str, Mapping[Any, str], str]]] = {
    "channel": (mark("Channel"), words.CHANNELS, "ticket"),
    "priority": (mark("Priority"), PRIORITIES, "normal"),
    "tier": (mark("Customer's tier"), TIERS, "standard"),
}
_LINES: Final[Mapping[str, tuple[str, bool]]] = {
    "topic": (mark("Topic"), True),
    "language": (mark("Language"), True),
    "region": (mark("Region"), False),
    "campaign": (mark("Campaign"), False),
}
FACTS: Final = (*_CHOICES, *_LINES)
_NAMES: Final[Mapping[str, str]] = {
    **{name: label for name, (label, _labels, _first) in _CHOICES.items()},
    **{name: label for name, (label, _is_required) in _LINES.items()},
}


@dataclass(frozen=True, slots=True)
class MatchView:
    """`answer` is None until somebody asks; `is_this` is None if no policy applies."""

    fields: tuple[FieldView, ...]
    answer: str | None
    applies_url: str | None
    is_this: bool
    reasons: tuple[str, ...]
    problem: str | None


def match_view(
    policy_id: str,
    facts: Mapping[str, str],
    match: Mapping[str, Any] | None,
    problems: Mapping[str, str],
    reader: Reader,
) -> MatchView:
    """`match` is the service's answer about the facts."""
    policy = (match or {}).get("policy")
    is_this = policy is not None and policy["id"] == policy_id
    return MatchView(
        fields=tuple(_fields(facts, problems, reader)),
        answer=None if match is None else _answer(policy, is_this=is_this, reader=reader),
        applies_url=POLICIES.url_of(policy["id"]) if policy and not is_this else None,
        is_this=is_this,
        reasons=tuple(_reasons(policy_id, match, reader)) if match and not is_this else (),
        problem=problems.get(""),
    )


def _answer(policy: Mapping[str, Any] | None, *, is_this: bool, reader: Reader) -> str:
    _ = reader.texts.gettext
    if policy is None:
        return _("No policy applies to this contact: nothing is promised.")
    if is_this:
        return _("This policy applies.")
    return _("Policy %(name)s applies.", name=title_of(policy["id"]))


def _reasons(policy_id: str, match: Mapping[str, Any], reader: Reader) -> Iterable[str]:
    _ = reader.texts.gettext
    other = next((other for other in match["others"] if other["policy"]["id"] == policy_id), None)
    if other is None:
        return
    if not other["mismatches"]:
        yield _("This one fits too, but the other asks for more.")
    for mismatch in other["mismatches"]:
        yield _(
            "This one asks for another value: %(key)s %(allowed)s.",
            key=_(_NAMES.get(mismatch["key"], mismatch["key"])),
            allowed=_allowed_text(mismatch, reader),
        )


def _allowed_text(mismatch: Mapping[str, Any], reader: Reader) -> str:
    _label, names, _first = _CHOICES.get(mismatch["key"], ("", {}, ""))
    return labels(mismatch["allowed"], names, reader)


def _fields(
    facts: Mapping[str, str], problems: Mapping[str, str], reader: Reader
) -> Iterable[FieldView]:
    gettext = reader.texts.gettext
    for name, (label, names, first) in _CHOICES.items():
        value = facts.get(name) or first
        options = tuple(Option(each, gettext(text), each == value) for each, text in names.items())
        yield FieldView(
            name, "line", gettext(label), "", True, value, options, _LENGTH, problems.get(name)
        )
    for name, (label, is_required) in _LINES.items():
        value = facts.get(name) or ("en" if name == "language" and not facts else "")
        yield FieldView(
            name, "line", gettext(label), "", is_required, value, (), _LENGTH, problems.get(name)
        )
