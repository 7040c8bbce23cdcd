"""Answers about queues."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.event import TeamId
from common.http.examples import CONTACT, TEAM, TOPIC, with_examples

QUEUE: Final = f"{TOPIC}/{CONTACT['language']}"


class QueueTeamOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    team_id: Annotated[TeamId, Field(description="The team.")]
    waiting: Annotated[int, Field(description="Contacts that only this team may get now.")]
    available_representatives: Annotated[
        int, Field(description="Who of the team serves the queue and is available.")
    ]
    free_slots: Annotated[int, Field(description="How many more contacts they may get now.")]


class QueueOut(BaseModel):
    model_config = ConfigDict(from_attributes=True) | with_examples(
        {
            "queue": QUEUE,
            "waiting": 2,
            "oldest_waiting_s": 41.5,
            "stands_in_for": [],
            "served": True,
            "available_representatives": 1,
            "free_slots": 0,
            "teams": [
                {
                    "team_id": TEAM,
                    "waiting": 1,
                    "available_representatives": 1,
                    "free_slots": 0,
                }
            ],
        }
    )

    queue: Annotated[str, Field(description="`<skill>/<language>`")]
    waiting: Annotated[int, Field(description="Contacts in the queue.")]
    oldest_waiting_s: Annotated[
        float | None,
        Field(description="Seconds that the longest waiting contact waits; null if none waits."),
    ]
    stands_in_for: Annotated[
        tuple[str, ...],
        Field(
            description="Queues that no active representative serves and whose contacts wait in"
            " this one, the first 20."
        ),
    ]
    served: Annotated[
        bool,
        Field(
            description="Whether an active representative serves it, whatever their presence."
            " Contacts of a queue that nobody serves wait in a fallback queue if somebody serves"
            " that, and each is a `contact_unserved` event."
        ),
    ]
    available_representatives: Annotated[
        int, Field(description="Available representatives with this skill and language.")
    ]
    free_slots: Annotated[
        int,
        Field(
            description="How many more contacts they may get now. A slot counts in every queue"
            " that its representative serves."
        ),
    ]
    teams: Annotated[
        tuple[QueueTeamOut, ...],
        Field(description="The same for each team with an active representative who serves it."),
    ]
