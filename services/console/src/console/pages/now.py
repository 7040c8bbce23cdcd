"""The screen Now: what needs the person."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages.context import Page
from console.parts import Parts
from console.views.filters import IDS, SORTS, SWITCHES, Filters, parse_filters
from console.views.now import MAX_ROWS, NowData, now_view
from console.views.reader import Reader

router = APIRouter()

_DUE_SOON: Final = timedelta(minutes=15)
_MAX_COUNTED: Final = 200


@router.get("/now")
async def show_now(page: Page) -> Response:
    """Show the open escalations, as the filters in the address say."""
    query, reader, parts = page.request.query_params, page.reader, page.parts
    filters = parse_filters([pair for pair in query.multi_items() if pair[0] != "cursor"], reader)
    cursor = query.get("cursor")
    (filters, escalations), counts = await asyncio.gather(
        _read_list(filters, cursor, reader, parts), read_counts(reader, parts)
    )
    view = now_view(replace(counts, escalations=escalations), filters, parts.missing, reader)
    return page.render("now.html", view=view, sorts=SORTS, ids=IDS, switches=SWITCHES)


async def _read_list(
    filters: Filters, cursor: str | None, reader: Reader, parts: Parts
) -> tuple[Filters, Mapping[str, Any] | None]:
    """Read the list; if escalation refuses a filter, read it without any, and say so."""
    try:
        return filters, await _list(parts, cursor=cursor, **filters.query)
    except ServiceProblemError as error:
        if error.status != HTTPStatus.UNPROCESSABLE_ENTITY and cursor is None:
            raise
    problem = reader.texts.gettext("The address has filters that do not exist. All are shown.")
    return Filters(problems=(*filters.problems, problem)), await _list(parts)


async def _list(parts: Parts, **query: object) -> Any:
    return await parts.get("escalation", "/v1/escalations", limit=MAX_ROWS, **query)


async def read_counts(reader: Reader, parts: Parts) -> NowData:
    """Read what the counters show beside the list."""
    staffing, due = await asyncio.gather(
        parts.get("router", "/v1/staffing"),
        parts.get(
            "escalation",
            "/v1/clocks",
            due_before=(reader.now + _DUE_SOON).isoformat(),
            limit=_MAX_COUNTED,
        ),
    )
    return NowData(
        escalations=None,
        staffing=staffing,
        promises_due=None if due is None else len(due["items"]),
    )
