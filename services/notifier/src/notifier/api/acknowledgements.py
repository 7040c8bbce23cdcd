"""Behind the signed link of a message: GET shows what it is about, POST is the answer."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from common.contracts.event import EscalationId, NotificationId, PersonId
from common.http.problems import ProblemError
from common.storage.database import Database
from notifier import handlers
from notifier.api import pages
from notifier.api.deps import NotifierDatabase, notification_of, work
from notifier.domain.escalations import EscalationState
from notifier.handlers import Standing
from notifier.store import UnitOfWork

router = APIRouter(prefix="/v1/acknowledgements", tags=["acknowledgements"])

Deed = Callable[[NotificationId, UnitOfWork], Awaitable[Standing]]


class Acknowledgement(BaseModel):
    """`by` did what `state` says; `awaits_answer`: a POST would be the first answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "notification_id": "0199c1f0-7a52-7bd3-8f5e-0d5f3f7f2c11",
                    "person_id": "dana",
                    "headline": "Billing chat from Ada Lovelace: first response 2 min overdue",
                    "why": "No reply within 10 min (policy gold v3). Representative: rui.",
                    "respond_by": "2026-03-02T14:05:00Z",
                    "escalation_id": "0199c1f0-6c1e-7a40-9c52-4f6b7e0d9a01",
                    "state": "raised",
                    "by": None,
                    "awaits_answer": True,
                }
            ]
        }
    )

    notification_id: NotificationId
    person_id: PersonId
    headline: str
    why: str
    respond_by: datetime | None
    escalation_id: EscalationId | None
    state: EscalationState | None
    by: PersonId | None
    awaits_answer: bool


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Acknowledgement, "content": {"text/html": {}}},
    401: {"description": "The link was not made here."},
    409: {"description": "The link is too old, or there is nothing left to acknowledge."},
}


@router.get("/{token}", responses=_ANSWERS, response_class=Response)
async def show(token: str, request: Request, database: NotifierDatabase) -> Response:
    """Show what the message is about. Mail scanners come here too, so it answers nothing."""
    return await _answered(handlers.see, token, request, database)


@router.post("/{token}", responses=_ANSWERS, response_class=Response)
async def acknowledge(token: str, request: Request, database: NotifierDatabase) -> Response:
    """Acknowledge the escalation in the name of the person whom the message went to."""
    return await _answered(handlers.acknowledge, token, request, database)


async def _answered(
    deed: Deed, token: str, request: Request, database: Database[UnitOfWork]
) -> Response:
    try:
        async with work(database) as uow:
            standing = await deed(notification_of(token, request), uow)
            at = uow.now
    except ProblemError as error:
        if "text/html" in _accepted(request):
            return pages.problem(error)
        raise
    if "application/json" in _accepted(request) and "text/html" not in _accepted(request):
        return JSONResponse(_shown(standing).model_dump(mode="json"), HTTPStatus.OK)
    return pages.standing(standing, at)


def _accepted(request: Request) -> str:
    return request.headers.get("accept", "").lower()


def _shown(standing: Standing) -> Acknowledgement:
    notification, escalation = standing.notification, standing.escalation
    return Acknowledgement(
        notification_id=notification.notification_id,
        person_id=notification.person_id,
        headline=notification.content.headline,
        why=notification.content.why,
        respond_by=notification.content.respond_by,
        escalation_id=notification.escalation_id,
        state=escalation.state if escalation else None,
        by=escalation.by if escalation else None,
        awaits_answer=standing.awaits_answer,
    )
