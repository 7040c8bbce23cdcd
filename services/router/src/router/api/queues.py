"""How the queues stand."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from router.api.deps import RouterDatabase, Staff

router = APIRouter(prefix="/v1/queues", tags=["queues"])


class ShownQueue(BaseModel):
    """A free place counts in every queue that its representative serves."""

    model_config = ConfigDict(from_attributes=True)

    queue: str
    waiting: int
    oldest_waiting_s: float | None
    available_representatives: int
    free_places: int


@router.get("")
async def show_all(database: RouterDatabase, _caller: Staff) -> list[ShownQueue]:
    """Show each queue, `<skill>/<language>`, that somebody waits in or could serve."""
    async with database.transaction() as uow:
        queues = await uow.assignments.queues(uow.now)
    return [ShownQueue.model_validate(queue) for queue in queues]
