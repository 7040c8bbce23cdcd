"""What a list of escalations is asked for."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from common.contracts.contacts import Channel, Tier
from common.contracts.escalations import Cause, Severity
from common.contracts.event import EscalationId
from escalation.domain.duty.schedules import Instant
from escalation.domain.model import OPEN_STATES, Escalation, EscalationState
from escalation.domain.types import Label, Person, SettingId

Sort = Literal["time_left", "severity", "newest"]

_UUID = StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Wanted(BaseModel):
    """Each that is given narrows it down; of several values of one, any will do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Before `state`, which looks at both.
    sort: Sort = Field(
        "time_left",
        description="`severity` sorts the gravest first, and those alike by the time left",
    )
    contact_id: Annotated[str, _UUID] | None = None
    state: Annotated[list[EscalationState], Len(min_length=1)] = Field(
        list(OPEN_STATES),
        description="closed ones only with `sort=newest`, or of one contact",
    )
    person: Person | None = Field(None, description="holds it, or is asked to answer")
    severity: list[Severity] | None = None
    level: list[Label] | None = Field(None, description="name or number of a level")
    cause: list[Cause] | None = None
    channel: list[Channel] | None = None
    topic: list[Label] | None = None
    tier: list[Tier] | None = None
    team: list[Label] | None = Field(None, description="id of the contact's team")
    representative: list[Person] | None = None
    ladder: list[SettingId] | None = None
    overdue: bool | None = Field(None, description="whether its deadline has passed")
    alarm: bool | None = Field(None, description="whether its whole ladder was of no avail")

    @field_validator("state")
    @classmethod
    def _few(cls, states: list[EscalationState], known: ValidationInfo) -> list[EscalationState]:
        # The closed are too many to be sorted by anything but when they were raised.
        read_in_order = known.data.get("sort") == "newest" or known.data.get("contact_id")
        if not read_in_order and not set(states) <= set(OPEN_STATES):
            raise ValueError("closed ones are listed with sort=newest, or by their contact_id")
        return states


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list ended, by all that lists are sorted by."""

    severity: Severity
    deadline: Instant | None
    raised_at: Instant
    escalation_id: Annotated[EscalationId, _UUID]


def place_of(escalation: Escalation) -> Place:
    return Place(
        escalation.severity, escalation.deadline, escalation.raised_at, escalation.escalation_id
    )
