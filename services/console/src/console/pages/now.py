"""The screen Now: what needs the person."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from common.core.ids import new_id
from console.clients.services import ServiceProblemError
from console.dependencies import ConsoleDatabase
from console.domain.saved_view import USED_EVERY, SavedView, default_of
from console.pages.context import Page, PageContext
from console.parts import Parts
from console.views.bulk import MAX_CHOSEN
from console.views.filters import IDS, SORTS, SWITCHES, Filters, parse_filters
from console.views.now import MAX_ROWS, NowData, now_view
from console.views.reader import Reader
from console.views.saved_views import EVERYTHING, PROBLEMS, TEXTS, now_url, saved_views_view

router = APIRouter()

_DUE_SOON: Final = timedelta(minutes=15)
_MAX_COUNTED: Final = 200
# Parts of the address that choose no rows.
_NO_FILTERS: Final = frozenset(("cursor", "done"))


@router.get("/now")
async def show_now(page: Page, database: ConsoleDatabase) -> Response:
    """Show the open escalations, as the filters in the address say.

    Without any the view opens that the person wants first.
    """
    query, reader, parts = page.request.query_params, page.reader, page.parts
    saved_views = await _read_saved_views(page, database)
    first = default_of(saved_views)
    if first is not None and not query:
        return page.lead_to(now_url(first.address))
    filters = parse_filters(
        [pair for pair in query.multi_items() if pair[0] not in _NO_FILTERS and pair != EVERYTHING],
        reader,
    )
    cursor = query.get("cursor")
    (filters, escalations), counts = await asyncio.gather(
        _read_list(filters, cursor, reader, parts), read_counts(reader, parts)
    )
    view = now_view(replace(counts, escalations=escalations), filters, parts.missing, reader)
    return page.render(
        "now.html",
        view=view,
        sorts=SORTS,
        ids=IDS,
        switches=SWITCHES,
        saved=saved_views_view(saved_views, filters.address),
        done=page.done_text(TEXTS),
        is_refused=page.done in PROBLEMS,
        bulk_submission=new_id(),
        max_chosen=MAX_CHOSEN,
    )


async def _read_saved_views(page: PageContext, database: ConsoleDatabase) -> Sequence[SavedView]:
    """Read the person's views; to open Now counts as their use."""
    person = page.viewer.person
    async with database.transaction() as uow:
        views = await uow.saved_views.list_of(person)
        if views:
            await uow.saved_views.mark_used(person, uow.now, uow.now - USED_EVERY)
    return views


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
