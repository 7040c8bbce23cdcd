"""Behind the signed link of a message: GET shows what it is about, POST is the answer."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from common.contracts.event import EscalationId, NotificationId, PersonId
from common.contracts.notifications import Action
from common.http.examples import (
    CAUSE,
    ESCALATION_ID,
    HEADLINE,
    NOTIFICATION_ID,
    REPRESENTATIVE,
    RESPOND_BY,
    SUPERVISOR,
    with_examples,
)
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from common.storage.database import Database
from notifier import rendering
from notifier.api import pages
from notifier.api.deps import (
    ON_ANSWER,
    ON_LINK,
    LinkPath,
    NotifierDatabase,
    capability_of,
    get_content_levels,
    language_of_browser,
    refusals,
    request_time,
    transaction,
)
from notifier.channels.message_links import console_link
from notifier.domain.escalations import EscalationState
from notifier.links import Capability, Links
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import answers
from notifier.use_cases.answers import AnswerStatus

router = ApiRouter(prefix="/v1/acknowledgements", tags=["acknowledgements"])

UseCase = Callable[[Capability, UnitOfWork], Awaitable[AnswerStatus]]


class AcknowledgementOut(BaseModel):
    model_config = with_examples(
        {
            "notification_id": NOTIFICATION_ID,
            "person_id": SUPERVISOR,
            "headline": HEADLINE,
            "why_now": "You are asked first.",
            "details": [CAUSE, f"Representative: {REPRESENTATIVE}"],
            "respond_by": RESPOND_BY,
            "escalation_id": ESCALATION_ID,
            "state": "raised",
            "by": None,
            "actions": ["acknowledge"],
        }
    )

    notification_id: NotificationId = Field(description="The message that the link came with.")
    person_id: PersonId = Field(description="The person whom the message was sent to.")
    headline: str = Field(description="What the message is about, as it is now.")
    why_now: str = Field(description="Why it was sent to this person.")
    details: list[str] = Field(description="What helps to judge it, a sentence each.")
    respond_by: datetime | None = Field(description="When it moves on without an answer.")
    escalation_id: EscalationId | None = Field(
        description="Null if nothing was escalated, or if the link only shows the message."
    )
    state: EscalationState | None = Field(description="The state of the escalation.")
    by: PersonId | None = Field(description="The person who caused that state.")
    actions: list[Action] = Field(
        description="The answer that POST would take now; none if the link only shows the message."
    )


_OK: dict[int | str, dict[str, Any]] = {
    200: {"model": AcknowledgementOut, "content": {"text/html": {}}}
}


@router.get("/{token}", responses=_OK | refusals(*ON_LINK), response_class=Response)
async def show(token: LinkPath, request: Request, database: NotifierDatabase) -> Response:
    """Show what the message is about. It answers nothing, since mail scanners open links too."""
    return await _respond(answers.see, token, request, database)


@router.post("/{token}", responses=_OK | refusals(*ON_ANSWER), response_class=Response)
async def answer(token: LinkPath, request: Request, database: NotifierDatabase) -> Response:
    """Answer in the name of the person whom the link was sent to; the link says which answer."""
    return await _respond(answers.answer, token, request, database)


async def _respond(
    use_case: UseCase, token: str, request: Request, database: Database[UnitOfWork]
) -> Response:
    accepted = request.headers.get("accept", "").lower()
    try:
        async with transaction(database) as uow:
            status = await use_case(capability_of(token, request), uow)
            at = uow.now
        levels = await get_content_levels(request)
        shown = levels.shown_behind_link(status.notification)
        status = replace(status, notification=shown)
    except ProblemError as error:
        if "text/html" in accepted:
            language = await _language_of(token, request, database)
            return pages.problem(error, request_time(request), language)
        raise
    if "application/json" in accepted and "text/html" not in accepted:
        return JSONResponse(_out(status, at).model_dump(mode="json"), HTTPStatus.OK)
    return pages.answer_page(status, at, _console_url(status, request))


async def _language_of(token: str, request: Request, database: Database[UnitOfWork]) -> str:
    """Return the language of the message that the link is in, if that is known."""
    links: Links = request.app.state.links
    notification = None
    if notification_id := links.notification_of(token):
        async with database.transaction() as uow:
            notification = await uow.notifications.get(notification_id)
    return notification.language if notification else language_of_browser(request)


def _console_url(status: AnswerStatus, request: Request) -> str | None:
    links: Links = request.app.state.links
    link = console_link(status.notification, links)
    return link.url if link else None


def _out(status: AnswerStatus, at: datetime) -> AcknowledgementOut:
    notification, escalation = status.notification, status.escalation
    at = notification.local(at)
    words = rendering.words(notification.content, at, language=notification.language)
    return AcknowledgementOut(
        notification_id=notification.notification_id,
        person_id=notification.person_id,
        headline=words.headline,
        why_now=words.why_now,
        details=list(words.lines),
        respond_by=notification.content.respond_by,
        # Others may read a link that only shows the message: it says no more than the message.
        escalation_id=None if status.shows_only else notification.escalation_id,
        state=escalation.state if escalation else None,
        by=escalation.by if escalation else None,
        actions=list(status.actions),
    )
