"""Routes: the queues."""

from pydantic import TypeAdapter

from common.http.access import StaffUser
from common.http.app import OpaqueText
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from router.api.deps import RouterDatabase
from router.api.queue_schemas import QueueOut
from router.domain.needs import Need

router = ApiRouter(prefix="/v1/queues", tags=["queues"])

_CURSOR_KEY = TypeAdapter(tuple[OpaqueText, OpaqueText])


@router.get("")
async def list_queues(
    database: RouterDatabase, _caller: StaffUser, cursor: Cursor = None, limit: Limit = 50
) -> Page[QueueOut]:
    """List the queues, `<skill>/<language>`, that have contacts or representatives."""
    after = decode_cursor(cursor, _CURSOR_KEY)
    async with database.transaction() as uow:
        queues = await uow.queues.list_after(Need(*after) if after else None, limit + 1, at=uow.now)
    return Page[QueueOut].of(
        queues,
        limit,
        key=lambda queue: [queue.need.skill, queue.need.language],
        show=QueueOut.model_validate,
    )
