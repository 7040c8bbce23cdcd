"""Why a message to a colleague failed, was held back or went elsewhere."""

from collections.abc import Mapping
from typing import Any, Final

from console.texts import mark
from console.views import words
from console.views.fallback import Write, write_sentence
from console.views.reader import Reader

# The state of the message says these.
_SAID_BY_STATE: Final = frozenset(("superseded", "summary-empty", "no-longer-relevant"))
_SENTENCES: Final[Mapping[str, str]] = {
    "recipient-unknown": mark("the person is not known here"),
    "recipient-left": mark("the person has left"),
    "no-media": mark("the person has no address"),
    "mails-stopped": mark("the person has stopped mails of this kind"),
    "refused": mark("it was refused there"),
    "waited-too-long": mark("the service that carries it did not work"),
    "outcome-lost": mark("it is not known whether it arrived"),
    "unreadable": mark("it can't be read here: the operators know"),
}
_BUDGETS: Final[Mapping[str, str]] = {
    "recipient": mark("this person"),
    "burst": mark("this person at once"),
    "customer": mark("all people about one customer"),
    "channel": mark("all people on this medium"),
    "share": mark("this person about one customer"),
}


def delivery_reason_text(notification: Mapping[str, Any], reader: Reader) -> str | None:
    """Say it as a part of a sentence; what has no words here in those of the service."""
    code, of = notification["reason_code"], notification["reason_parameters"]
    if code in _SAID_BY_STATE:
        return None
    text = write_sentence(code, of, _SENTENCES, _WITH_VALUES, reader)
    if text is None:
        return notification["reason"] or None
    if of.get("in_summary"):
        return reader.texts.gettext("in a summary: %(reason)s", reason=text)
    return text


def _media_missing(of: Mapping[str, Any], reader: Reader) -> str:
    media = ", ".join(words.medium_label(medium, reader) for medium in of["media"])
    return reader.texts.gettext("the person is not on %(media)s, so all were used", media=media)


def _medium_removed(of: Mapping[str, Any], reader: Reader) -> str:
    medium = of["medium"]
    if medium is None:
        return reader.texts.gettext(_SENTENCES["no-media"])
    name = words.medium_label(medium, reader)
    return reader.texts.gettext("the person is no longer on %(medium)s", medium=name)


def _gave_up(of: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.ngettext("1 attempt failed", "%(number)s attempts failed", of["attempts"])


def _over_budget(of: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "more than %(number)s messages in %(duration)s to %(whom)s",
        number=of["most"],
        duration=reader.texts.duration(of["window_s"]),
        whom=reader.texts.gettext(_BUDGETS[of["budget"]]),
    )


def _quiet_hours(of: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext("quiet hours until %(time)s", time=reader.time(of["until"]))


def _nobody_stands_in(of: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "away until %(time)s, and nobody can stand in", time=reader.time(of["until"])
    )


def _stands_in(of: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "in place of %(person)s, who is away until %(time)s",
        person=of["person"],
        time=reader.time(of["until"]),
    )


def _not_verified(of: Mapping[str, Any], reader: Reader) -> str:
    if not of["others"]:
        return reader.texts.gettext("no address of the person is verified")
    media = ", ".join(words.medium_label(medium, reader) for medium in of["others"])
    return reader.texts.gettext(
        "an address is not verified, so %(media)s was used too", media=media
    )


def _later_step(of: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext("step %(number)s of the person's rule", number=of["step"])


_WITH_VALUES: Final[Mapping[str, Write]] = {
    "media-missing": _media_missing,
    "medium-removed": _medium_removed,
    "gave-up": _gave_up,
    "over-budget": _over_budget,
    "quiet-hours": _quiet_hours,
    "not-verified": _not_verified,
    "nobody-stands-in": _nobody_stands_in,
    "stands-in": _stands_in,
    "later-step": _later_step,
}
