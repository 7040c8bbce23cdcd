"""Why an answer was refused, in the language of who gave it."""

from datetime import datetime
from typing import Final

from common.http.problems import ProblemError
from notifier.domain.content import status_of
from notifier.domain.errors import (
    AnswerTooLateError,
    ApprovalRequiredError,
    LinkPurposeError,
    LinkVoidError,
    NoMessageWaitsError,
    NotHeldError,
    NothingToAcknowledgeError,
    NotificationNotFoundError,
    NotPagedError,
)
from notifier.languages import language_of
from notifier.links import ExpiredLinkError, ForgedLinkError
from notifier.rendering import status_text

# What people who answer may be told; the docstring of each is its text.
REFUSALS: Final[tuple[type[Exception], ...]] = (
    ForgedLinkError,
    ExpiredLinkError,
    LinkVoidError,
    LinkPurposeError,
    NotificationNotFoundError,
    NothingToAcknowledgeError,
    NoMessageWaitsError,
    ApprovalRequiredError,
    AnswerTooLateError,
    NotHeldError,
    NotPagedError,
)


def refusal_text(problem: ProblemError, language: str, at: datetime) -> str:
    """Return the text of a problem; one that has no translation stays in English."""
    gettext = language_of(language).gettext
    if isinstance(problem.__cause__, AnswerTooLateError):
        escalation = problem.__cause__.escalation
        state = status_text(status_of(escalation, escalation.by), at, language)
        return f"{state}. {gettext(str(AnswerTooLateError.__doc__))}"
    return gettext(problem.detail)
