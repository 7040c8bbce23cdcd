"""The pages behind a signed link. They work on a phone, without scripts."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from fastapi.responses import HTMLResponse

from common.http.problems import ProblemError
from notifier import rendering
from notifier.domain import notifications
from notifier.domain.content import status_of
from notifier.domain.mail_stops import StoppableMail
from notifier.domain.reasons import asks_for
from notifier.domain.recipients import DEFAULT_LANGUAGE
from notifier.languages import mark
from notifier.refusals import refusal_text
from notifier.use_cases.answers import AnswerStatus

# Of a message to its reader: nothing was escalated, it is still relevant, the reader has answered
# it, or it is over.
Stage = Literal["informed", "relevant", "answered", "over"]

_STOPPABLE: Mapping[StoppableMail, str] = {
    "updated": mark("Mails about new reasons of an escalation"),
    "coaching": mark("Mails that ask you to coach someone"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def answer_page(status: AnswerStatus, at: datetime, console_url: str | None = None) -> HTMLResponse:
    """Say what it is about and how it stands, with the buttons that still have an effect.

    `console_url`: where the console shows it.
    """
    notification, stage = status.notification, _stage(status)
    at = notification.local(at)
    words = rendering.words(notification.content, at, language=notification.language)
    ask = "nothing" if stage == "informed" else asks_for(notification.content.reason)
    html = rendering.text(
        "page/page.html.j2",
        language=notification.language,
        title=words.headline,
        words=words,
        actions=status.actions,
        stage=stage,
        ask=ask,
        status=_status_text(status, stage, at),
        shows_only=status.shows_only,
        console_url=console_url,
    )
    return HTMLResponse(html, HTTPStatus.OK, _HEADERS)


def mail_stop_page(kind: StoppableMail, language: str | None, *, is_stopped: bool) -> HTMLResponse:
    """Ask whether mails of this kind are to stop, or say that they have."""
    spoken = language or DEFAULT_LANGUAGE
    html = rendering.text(
        "page/mail_stop.html.j2",
        language=spoken,
        title=rendering.label(_STOPPABLE[kind], spoken),
        is_stopped=is_stopped,
    )
    return HTMLResponse(html, HTTPStatus.OK, _HEADERS)


def problem(error: ProblemError, at: datetime, language: str) -> HTMLResponse:
    title = refusal_text(error, language, at)
    html = rendering.text("page/problem.html.j2", language=language, title=title)
    return HTMLResponse(html, error.status, _HEADERS)


def _stage(status: AnswerStatus) -> Stage:
    if status.escalation is None:
        return "informed"
    if notifications.is_relevant(status.notification, status.escalation):
        return "relevant"
    if status.escalation.by == status.notification.person_id:
        return "answered"
    return "over"


def _status_text(status: AnswerStatus, stage: Stage, at: datetime) -> str:
    # Anybody may read a page that only shows the message.
    name = "you" if stage == "answered" and not status.shows_only else status.name
    return rendering.status_text(
        status_of(status.escalation, name), at, status.notification.language
    )
