"""Why a clock changed or an escalation ended, by the code that escalation sends."""

from collections.abc import Mapping
from typing import Any, Final

from common.contracts.change_reasons import ChangeReasonCode
from console.texts import mark
from console.views import words
from console.views.fallback import Write, try_to_write
from console.views.reader import Reader
from console.views.settings.phrases import PRIORITIES

_SENTENCES: Final[Mapping[ChangeReasonCode, str]] = {
    "contact-received": mark("the contact came in"),
    "contact-reopened": mark("the contact was reopened"),
    "contact-continued": mark("the contact was reopened, and the time before counts"),
    "we-replied": mark("we replied"),
    "customer-wrote": mark("the customer wrote"),
    "our-turn": mark("it is our turn again"),
    "others-awaited": mark("we wait for somebody else than the customer"),
    "customer-awaited": mark("we wait for the customer"),
    "wait-over": mark("the waiting is over"),
    "customer-merged": mark("it belongs to another customer since two were merged"),
    "contact-abandoned": mark("the customer left"),
    "contact-merged": mark("the contact was merged into another one"),
    "escalation-opened": mark("it was escalated"),
    "promises-over": mark("all promises it was raised for were kept or made up for"),
}
_DISCARDED: Final = {
    "spam": mark("the contact was spam"),
    "deleted": mark("the contact was deleted where it came from"),
}
_ENDED: Final = {
    "handed_back": mark("the escalation was handed back"),
    "resolved": mark("the escalation was resolved"),
    "closed": mark("the escalation was closed"),
}


def change_reason_text(reason: Mapping[str, Any], reader: Reader) -> str | None:
    """Say it as a part of a sentence; None for a code or a value without words here."""
    code = reason["code"]
    if code in _WITH_VALUES:
        return try_to_write(_WITH_VALUES[code], reason, reader)
    if code not in _SENTENCES:
        return None
    return _with_words(reader.texts.gettext(_SENTENCES[code]), reason)


def _with_words(text: str, reason: Mapping[str, Any]) -> str:
    """Add the words of a person."""
    return f"{text}: {reason['words']}" if reason.get("words") else text


def _customer_silent(reason: Mapping[str, Any], reader: Reader) -> str:
    waited = reader.texts.duration(reason["waited_s"])
    return reader.texts.gettext("the customer did not answer for %(duration)s", duration=waited)


def _priority_changed(reason: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    text = _(
        "the priority changed from %(before)s to %(after)s",
        before=_(PRIORITIES[reason["before"]]),
        after=_(PRIORITIES[reason["after"]]),
    )
    return _with_words(text, reason)


def _contact_resolved(reason: Mapping[str, Any], reader: Reader) -> str:
    person = reason.get("person_id")
    if person is None:
        return reader.texts.gettext("the contact was resolved")
    return reader.texts.gettext("%(person)s resolved the contact", person=reader.name(person))


def _contact_discarded(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(_DISCARDED[reason["discarded_as"]])


def _setting_changed(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext("the setting %(name)s was changed", name=_name(reason))


def _setting_archived(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext("the setting %(name)s was archived", name=_name(reason))


def _setting_released(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "the setting %(name)s was archived, and does not apply to open contacts any more",
        name=_name(reason),
    )


def _policy_promises(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "%(policy)s promises it",
        policy=policy_text(reason["setting_id"], reason["version"], reader),
    )


def _policy_without_promise(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "%(policy)s does not promise it",
        policy=policy_text(reason["setting_id"], reason["version"], reader),
    )


def _policy_archived(reason: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "%(policy)s was archived, and no other policy promises it",
        policy=policy_text(reason["setting_id"], reason["version"], reader),
    )


def _escalation_ended(reason: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    text = _(_ENDED[reason.get("state") or "closed"])
    person = reason.get("person_id")
    return text if person is None else f"{text} ({reader.name(person)})"


def _name(reason: Mapping[str, Any]) -> str:
    return words.title_of(reason["setting_id"])


def policy_text(setting_id: str, version: int, reader: Reader) -> str:
    """Write `Gold, version 3`."""
    return reader.texts.gettext(
        "%(name)s, version %(version)s", name=words.title_of(setting_id), version=version
    )


_WITH_VALUES: Final[Mapping[ChangeReasonCode, Write]] = {
    "customer-silent": _customer_silent,
    "priority-changed": _priority_changed,
    "contact-resolved": _contact_resolved,
    "contact-discarded": _contact_discarded,
    "setting-changed": _setting_changed,
    "setting-archived": _setting_archived,
    "setting-released": _setting_released,
    "policy-promises": _policy_promises,
    "policy-without-promise": _policy_without_promise,
    "policy-archived": _policy_archived,
    "escalation-ended": _escalation_ended,
}
