"""Many escalations acknowledged at once, from the list Now."""

import asyncio
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from console.action_sender import ActionSender
from console.dependencies import ConsoleDatabase
from console.pages.context import Page, PageContext, require_leader
from console.views.bulk import (
    MAX_CHOSEN,
    NONE_CHOSEN,
    TOO_MANY_CHOSEN,
    BulkResult,
    bulk_result,
    bulk_view,
)
from console.views.filters import parse_filters

router = APIRouter(dependencies=[require_leader])

# Sent at once, so that others who press at the same time are served as well.
_AT_ONCE: Final = 8
_ID: Final = re.compile(UUID_PATTERN)


@router.post("/now/acknowledge")
async def acknowledge_chosen(page: Page, database: ConsoleDatabase) -> Response:
    """Acknowledge each row that was chosen, and say for each what became of it."""
    fields = await page.request.form()
    chosen = [*dict.fromkeys(str(value) for value in fields.getlist("escalation"))]
    address = _address(str(fields.get("filters", "")), page)
    ids = [each for each in chosen if _ID.fullmatch(each)]
    problem = _problem(ids, page)
    if problem is not None:
        view = bulk_view((), address, problem, page.reader)
        return page.render("bulk.html", HTTPStatus.UNPROCESSABLE_ENTITY, view=view)
    sender = ActionSender(page.services, database, page.viewer, page.reader)
    submission = str(fields.get("submission", ""))
    results = await _acknowledge(ids, submission, sender, page)
    return page.render("bulk.html", view=bulk_view(results, address, None, page.reader))


def _problem(ids: Sequence[str], page: PageContext) -> str | None:
    if not ids:
        return page.reader.texts.gettext(NONE_CHOSEN)
    if len(ids) > MAX_CHOSEN:
        return page.reader.texts.gettext(TOO_MANY_CHOSEN, number=MAX_CHOSEN)
    return None


def _address(filters: str, page: PageContext) -> str:
    """Return the filters of the list again, without what makes no sense."""
    return parse_filters(parse_qsl(filters), page.reader).address


async def _acknowledge(
    ids: Sequence[str], submission: str, sender: ActionSender, page: PageContext
) -> list[BulkResult]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def acknowledge(escalation_id: str) -> BulkResult:
        async with limit:
            # Each row of a form counts once, so that the same form may be sent again for others.
            name = f"{submission}:{escalation_id}" if submission else ""
            outcome = await sender.send(escalation_id, "acknowledge", {"submission": name})
        return bulk_result(
            escalation_id,
            outcome.escalation,
            outcome.text,
            page.reader,
            is_done=outcome.is_done,
        )

    return await asyncio.gather(*(acknowledge(each) for each in ids))
