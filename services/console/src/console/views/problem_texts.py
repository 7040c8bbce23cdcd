"""Refusals of services in the reader's language, by the code of the problem document."""

from collections.abc import Mapping
from typing import Any, Final

from console.texts import ENGLISH, mark
from console.views.reader import Reader
from console.views.refusal_words import reason_text

TEXTS: Final[Mapping[str, str]] = {
    "forbidden": mark("You may not do this."),
    "not-own-shift": mark(
        "This changes the duty of people who do not report to you. A manager can do it."
    ),
    "not-yours": mark("This is not yours to change."),
    "not-below-you": mark("This person does not report to you."),
    "wrong-state": mark("It is in a state that does not allow this."),
    "stale": mark("Somebody else has changed it since you read it. Look at it again."),
    "held-by-you": mark("You have it already."),
    "held-by-other": mark("Somebody else has it."),
    "complaint-about-you": mark("A complaint in it is about you: somebody else must decide."),
    "line-manager": mark("Somebody in your line decides this."),
    "no-snoozes-left": mark("It can't be snoozed again."),
    "nobody-above": mark("There is nobody above you whom it could go to."),
    "own-request": mark("You have asked for it yourself: somebody else must decide."),
    "limit-exceeded": mark("The amount is above your limit."),
    "other-escalation-open": mark("Another escalation of this contact is open."),
    "contact-not-found": mark("There is no such contact."),
    "escalation-not-found": mark("There is no such escalation, or you may not see it."),
    "contact-not-open": mark("The contact is not open."),
    "assignment-not-found": mark("There is no such contact."),
    "representative-not-found": mark("There is no such representative."),
    "person-not-found": mark("There is no such person."),
    "supervisor-question-not-found": mark("The question is answered already."),
    "change-not-found": mark("There is no such change of duty, or it is over."),
    "request-not-found": mark("There is no such request, or it is not for you to answer."),
    "request-closed": mark("The request was answered, or its time is over."),
    "invalid-change": mark("Duty can't be changed like this."),
    "setting-not-found": mark("There is no such setting."),
    "setting-in-use": mark("Something else still needs it."),
    "too-many-changes": mark("Too many changes. Wait a while."),
    "too-many-codes": mark("Wait a while before you ask for another code."),
    "wrong-code": mark("This code is not right, or is no longer valid."),
    "too-many-tests": mark("Wait a while before you test again."),
    "nothing-to-test": mark("There is nothing to test: you have no address."),
    "channel-user-taken": mark("Somebody else is reached there already."),
    "contact-method-not-allowed": mark("Upstairs may not write to this address."),
    "address-incomplete": mark("Enter the secret address: none was entered before."),
    "secret-addresses-off": mark("Such addresses are switched off: ask the operators."),
    "weak-secret": mark("The secret is too easy to guess."),
    "credentials-missing": mark("Another address needs its credentials."),
    "address-not-allowed": mark("Upstairs may not call this address."),
    "receiver-refused": mark("Upstairs may not post to this address."),
    "write-backs-off": mark("Write-backs are switched off: ask the operators."),
    "maintenance-times": mark("The maintenance has ended already, or begins in more than a month."),
    "maintenance-not-found": mark("The maintenance has ended already."),
    "status-webhooks-off": mark("Status webhooks are switched off: ask the operators."),
    "write-not-failed": mark("It has not failed, or is tried again already."),
    "write-outdated": mark("A later step was written since."),
    "too-many-simulations": mark("Too many trials wait or run. Wait until they end."),
    "simulation-not-found": mark("There is no such trial, or somebody else asked for it."),
    "limit-below-supervisors": mark("Supervisors would have a higher limit than managers."),
    "event-too-large": mark("The texts are too long together. Shorten them."),
    "invalid": mark("Something that was entered does not fit."),
}
# They name people by their ids, and say no more than the text.
_WITHOUT_DETAIL: Final = frozenset(("not-own-shift",))


def problem_text(document: Mapping[str, Any], reader: Reader) -> str:
    """Say it in the reader's language: the reason, or the kind of problem.

    A kind alone comes with the service's own words, which are English and enough in English.
    """
    reason = reason_text(document, reader)
    if reason is not None:
        return reason
    texts = reader.texts
    detail = str(document.get("detail", ""))
    code = str(document.get("type", "")).rpartition(":")[2]
    text = TEXTS.get(code)
    if text is None:
        return detail
    own_words = texts.gettext(text)
    if code in _WITHOUT_DETAIL or not detail:
        return own_words
    return detail if texts.language == ENGLISH else f"{own_words} ({detail})"
