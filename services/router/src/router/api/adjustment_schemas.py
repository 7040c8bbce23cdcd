"""Bodies of the routes of adjustments."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.contract import Instant
from common.contracts.event import PersonId
from common.contracts.needs import ContactTopic, LanguageTag
from common.http.app import RequestModel, ShortText
from common.http.examples import ACTED_AT, TOPIC, with_examples
from router.domain.staffing.adjustments import EndCause

_MAX_SKILLS: Final = 100
_ADJUSTMENT: Final = {
    "capacity": 1,
    "added_skills": [],
    "removed_skills": [],
    "only_skills": [TOPIC],
    "only_languages": [],
    "reason": "First day back, in training.",
    "ends_at": "2026-03-02T17:00:00Z",
}


class AdjustmentIn(RequestModel):
    model_config = with_examples(_ADJUSTMENT)

    capacity: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            strict=True,
            description="Most contacts at the same time, in place of the usual number.",
        ),
    ] = None
    added_skills: Annotated[
        frozenset[ContactTopic],
        Field(max_length=_MAX_SKILLS, description="Topics to take beside the usual ones."),
    ] = frozenset()
    removed_skills: Annotated[
        frozenset[ContactTopic],
        Field(max_length=_MAX_SKILLS, description="Usual topics not to take."),
    ] = frozenset()
    only_skills: Annotated[
        frozenset[ContactTopic],
        Field(max_length=_MAX_SKILLS, description="Take contacts of these topics alone."),
    ] = frozenset()
    only_languages: Annotated[
        frozenset[LanguageTag],
        Field(
            max_length=20,
            description="Take contacts in these of the person's languages alone. One topic and one"
            " language are one queue.",
        ),
    ] = frozenset()
    reason: Annotated[ShortText, Field(description="Why.")]
    ends_at: Annotated[
        Instant,
        Field(description="When what is usual counts again by itself, in the next seven days."),
    ]


class AdjustmentOut(BaseModel):
    model_config = ConfigDict(from_attributes=True) | with_examples(
        {
            "person_id": "rita",
            "number": 1,
            **_ADJUSTMENT,
            "set_by": "sara",
            "set_at": ACTED_AT,
            "ended_at": None,
            "ended_by": None,
            "end_cause": None,
        }
    )

    person_id: Annotated[PersonId, Field(description="Whose contacts are adjusted.")]
    number: Annotated[int, Field(description="Counts those of the person; the ETag has it.")]
    capacity: Annotated[int | None, Field(description="Most contacts; null: as usual.")]
    added_skills: Annotated[tuple[str, ...], Field(description="Topics beside the usual ones.")]
    removed_skills: Annotated[tuple[str, ...], Field(description="Usual topics not to take.")]
    only_skills: Annotated[tuple[str, ...], Field(description="These topics alone, if not empty.")]
    only_languages: Annotated[
        tuple[str, ...], Field(description="These languages alone, if not empty.")
    ]
    reason: Annotated[str, Field(description="Why.")]
    ends_at: Annotated[datetime, Field(description="When it ends by itself.")]
    set_by: Annotated[PersonId, Field(description="Who set it: a person, or a system.")]
    set_at: Annotated[datetime, Field(description="When it was set.")]
    ended_at: Annotated[
        datetime | None, Field(description="When it ended; null while it is in force.")
    ]
    ended_by: Annotated[
        PersonId | None, Field(description="Who ended it; null if it ended by itself.")
    ]
    end_cause: Annotated[
        EndCause | None,
        Field(
            description="`expired` by itself, `withdrawn` or `replaced` by somebody, or"
            " `entry_changed`: the person left, or would have got no contacts with it."
        ),
    ]
