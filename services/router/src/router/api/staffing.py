"""Routes: how many could take more contacts, and how many wait."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.event import TeamId
from common.http.access import StaffUser
from common.http.examples import TEAM, with_examples
from common.http.routes import ApiRouter
from router.api.deps import RouterDatabase

router = ApiRouter(prefix="/v1/staffing", tags=["queues"])


class TeamStaffingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    team_id: Annotated[TeamId, Field(description="The team.")]
    available: Annotated[int, Field(description="Representatives who are available.")]
    away: Annotated[int, Field(description="Representatives who are away.")]
    offline: Annotated[int, Field(description="Representatives who are offline.")]
    load: Annotated[int, Field(description="Contacts assigned or offered to them now.")]
    capacity: Annotated[int, Field(description="Most contacts of all at the same time.")]
    free_slots: Annotated[
        int, Field(description="How many more contacts those who are available may get now.")
    ]


class StaffingOut(BaseModel):
    model_config = with_examples(
        {
            "waiting": 2,
            "oldest_waiting_s": 41.5,
            "free_slots": 0,
            "teams": [
                {
                    "team_id": TEAM,
                    "available": 1,
                    "away": 1,
                    "offline": 0,
                    "load": 4,
                    "capacity": 6,
                    "free_slots": 0,
                }
            ],
        }
    )

    waiting: Annotated[int, Field(description="Contacts in all queues.")]
    oldest_waiting_s: Annotated[
        float | None,
        Field(description="Seconds that the longest waiting contact waits; null if none waits."),
    ]
    free_slots: Annotated[int, Field(description="How many more contacts all may get now.")]
    teams: Annotated[
        list[TeamStaffingOut], Field(description="The teams with active representatives, by id.")
    ]


@router.get("")
async def show_staffing(database: RouterDatabase, _caller: StaffUser) -> StaffingOut:
    """Show how many contacts wait, and of each team who is there and how much they could take.

    A free slot counts once here, while it counts in every queue that its representative serves.
    """
    async with database.transaction() as uow:
        waiting = await uow.staffing.waiting(uow.now)
        teams = await uow.staffing.teams()
    return StaffingOut(
        waiting=waiting.waiting,
        oldest_waiting_s=waiting.oldest_waiting_s,
        free_slots=sum(team.free_slots for team in teams),
        teams=[TeamStaffingOut.model_validate(team) for team in teams],
    )
