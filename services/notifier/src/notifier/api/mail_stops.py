"""Kinds of mail that a person has stopped: by the link in a mail (RFC 8058), or in the settings."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from common.http.access import StaffUser
from common.http.app import RequestModel
from common.http.examples import ACTED_AT, with_examples
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from notifier.api import pages
from notifier.api.deps import (
    LinkPath,
    NotifierDatabase,
    caller_of,
    language_of_browser,
    mail_stop_link_of,
    refusals,
    request_time,
    transaction,
)
from notifier.api.recipients import RecipientPath
from notifier.domain import errors
from notifier.domain.mail_stops import MailStop, StoppableMail
from notifier.domain.recipients import DEFAULT_LANGUAGE, Recipient
from notifier.links import ExpiredLinkError, ForgedLinkError, Links
from notifier.use_cases import mail_stops

link_router = ApiRouter(prefix="/v1/mail-stops", tags=["mail-stops"])
router = ApiRouter(prefix="/v1/recipients", tags=["recipients"])

_ON_LINK = (ForgedLinkError, ExpiredLinkError, errors.LinkVoidError)


class StoppedByLinkOut(BaseModel):
    model_config = with_examples({"kind": "coaching", "stopped": True})

    kind: StoppableMail = Field(description="The kind of mail: the reason of its messages.")
    stopped: bool = Field(description="Whether it is sent no longer.")


_OK: dict[int | str, dict[str, Any]] = {
    200: {"model": StoppedByLinkOut, "content": {"text/html": {}}}
}


class StoppedMailsIn(RequestModel):
    model_config = with_examples({"kinds": ["coaching"]})

    kinds: frozenset[StoppableMail] = Field(description="What is sent no longer by mail.")


class MailStopOut(BaseModel):
    kind: StoppableMail = Field(description="The reason of the messages.")
    stopped_at: datetime = Field(description="When it was stopped.")
    stopped_by: str = Field(description="Who did it; `link`: the link in a mail.")


class StoppedMailsOut(BaseModel):
    model_config = with_examples(
        {"stopped": [{"kind": "coaching", "stopped_at": ACTED_AT, "stopped_by": "link"}]}
    )

    stopped: list[MailStopOut] = Field(description="What is sent no longer by mail.")


@link_router.get(
    "/{token}",
    responses=_OK | refusals(*_ON_LINK),
    response_class=Response,
)
async def ask_to_stop(token: LinkPath, request: Request, database: NotifierDatabase) -> Response:
    """Show what the link stops, and ask. It changes nothing, since mail scanners open links too."""
    try:
        link = mail_stop_link_of(token, request)
        async with transaction(database) as uow:
            recipient, is_stopped = await mail_stops.read_link(link, uow)
    except ProblemError as error:
        return await _refused(token, request, error, database)
    return _shown(request, link.kind, recipient, is_stopped=is_stopped)


@link_router.post(
    "/{token}",
    responses=_OK | refusals(*_ON_LINK),
    response_class=Response,
)
async def stop(token: LinkPath, request: Request, database: NotifierDatabase) -> Response:
    """Send no more mails of this kind to this person: the one click of RFC 8058.

    Again it changes nothing. What asks for an answer can't be stopped.
    """
    try:
        link = mail_stop_link_of(token, request)
        async with transaction(database) as uow:
            recipient = await mail_stops.stop_by_link(link, uow)
    except ProblemError as error:
        return await _refused(token, request, error, database)
    return _shown(request, link.kind, recipient, is_stopped=True)


@router.get("/{person_id}/stopped-mails", responses=refusals(errors.RecipientForbiddenError))
async def show_stopped_mails(
    person_id: RecipientPath, database: NotifierDatabase, principal: StaffUser
) -> StoppedMailsOut:
    """Show which kinds of mail the person has stopped."""
    async with transaction(database) as uow:
        stops = await mail_stops.read_stops(caller_of(principal), person_id, uow)
    return _out(stops)


@router.put("/{person_id}/stopped-mails", responses=refusals(errors.RecipientForbiddenError))
async def set_stopped_mails(
    person_id: RecipientPath,
    body: StoppedMailsIn,
    database: NotifierDatabase,
    principal: StaffUser,
) -> StoppedMailsOut:
    """Set which kinds of mail are sent no longer; the others are sent again."""
    async with transaction(database) as uow:
        stops = await mail_stops.set_stops(caller_of(principal), person_id, body.kinds, uow)
    return _out(stops)


def _out(stops: list[MailStop]) -> StoppedMailsOut:
    return StoppedMailsOut(
        stopped=[
            MailStopOut(kind=each.kind, stopped_at=each.stopped_at, stopped_by=each.stopped_by)
            for each in stops
        ]
    )


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "").lower()


def _shown(
    request: Request, kind: StoppableMail, recipient: Recipient, *, is_stopped: bool
) -> Response:
    if _wants_page(request):
        return pages.mail_stop_page(kind, recipient.language, is_stopped=is_stopped)
    shown = StoppedByLinkOut(kind=kind, stopped=is_stopped)
    return JSONResponse(shown.model_dump(mode="json"), HTTPStatus.OK)


async def _refused(
    token: str, request: Request, error: ProblemError, database: NotifierDatabase
) -> Response:
    if _wants_page(request):
        language = await _language_of(token, request, database)
        return pages.problem(error, request_time(request), language)
    raise error


async def _language_of(token: str, request: Request, database: NotifierDatabase) -> str:
    """Return the language of whom the link is for, as of that person's mails."""
    links: Links = request.app.state.links
    recipient = None
    if person_id := links.reader_of_mail_stop(token):
        async with database.transaction() as uow:
            recipient = await uow.recipients.get(person_id)
    if recipient is None:
        return language_of_browser(request)
    return recipient.language or DEFAULT_LANGUAGE
