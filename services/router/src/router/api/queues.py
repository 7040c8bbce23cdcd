"""Routes: the queues."""

from typing import Annotated

from fastapi import APIRouter, Query

from router.api.deps import PageLimit, RouterDatabase, Staff
from router.api.schemas import QueueOut, QueuePage
from router.domain.needs import Need

router = APIRouter(prefix="/v1/queues", tags=["queues"])

QueueCursor = Annotated[
    str | None,
    Query(
        pattern=r"^[^\x00]+/[^/\x00]+$",
        max_length=400,
        description="`next_cursor` of the page before.",
    ),
]


@router.get("")
async def list_queues(
    database: RouterDatabase, _caller: Staff, cursor: QueueCursor = None, limit: PageLimit = 50
) -> QueuePage:
    """List the queues, `<skill>/<language>`, that have contacts or representatives."""
    after = Need(*cursor.rsplit("/", 1)) if cursor else None
    async with database.transaction() as uow:
        found = await uow.assignments.queues_after(after, limit + 1, at=uow.now)
    items = found[:limit]
    return QueuePage(
        items=[QueueOut.model_validate(queue) for queue in items],
        next_cursor=items[-1].queue if len(found) > limit else None,
    )
