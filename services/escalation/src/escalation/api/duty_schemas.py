"""What answers about duty look like."""

from datetime import datetime

from pydantic import Field, TypeAdapter

from common.contracts.event import PersonId
from common.http.examples import with_examples
from escalation.api.examples import (
    CHANGE_REQUEST,
    GAP,
    ON_DUTY,
    OVERRIDE,
    OVERRIDE_ID,
    SHIFT,
    SWAP,
    SWAP_ID,
)
from escalation.api.schemas import Out
from escalation.domain.change_requests import (
    ChangeRequest,
    ChangeRequestId,
    ChangeRequestState,
)
from escalation.domain.duty.changes import change_id
from escalation.domain.duty.windows import Override, Swap


class OnDutyOut(Out):
    model_config = with_examples(ON_DUTY)

    at: datetime = Field(description="The instant of the answer.")
    person_ids: tuple[PersonId, ...] = Field(description="Who is on duty then.")


class ShiftOut(Out):
    model_config = with_examples(SHIFT)

    person_id: PersonId = Field(description="Who is on duty.")
    start: datetime = Field(description="When the shift begins.")
    end: datetime = Field(description="When it ends.")


class GapOut(Out):
    model_config = with_examples(GAP)

    start: datetime = Field(description="From when nobody is on duty.")
    end: datetime = Field(description="Until when.")


class OverrideOut(Out):
    model_config = with_examples({"override_id": OVERRIDE_ID, **OVERRIDE})

    override_id: str = Field(description="The override's id, by which it is taken back.")
    person_id: PersonId = Field(description="The person on duty.")
    instead_of: PersonId | None = Field(
        description="Whose shifts it covers; null if the person is on duty all the time."
    )
    from_: datetime = Field(alias="from", description="The start.")
    until: datetime = Field(description="The end.")

    @classmethod
    def of(cls, schedule_id: str, override: Override) -> "OverrideOut":
        values = TypeAdapter(Override).dump_python(override, by_alias=True)
        return cls(override_id=change_id(schedule_id, override), **values)


class SwapOut(Out):
    model_config = with_examples({"swap_id": SWAP_ID, **SWAP})

    swap_id: str = Field(description="The swap's id, by which it is taken back.")
    first: PersonId = Field(description="A person.")
    second: PersonId = Field(description="The person who exchanges turns with the first.")
    from_: datetime = Field(alias="from", description="The start.")
    until: datetime = Field(description="The end.")

    @classmethod
    def of(cls, schedule_id: str, swap: Swap) -> "SwapOut":
        values = TypeAdapter(Swap).dump_python(swap, by_alias=True)
        return cls(swap_id=change_id(schedule_id, swap), **values)


class ChangeRequestOut(Out):
    model_config = with_examples(CHANGE_REQUEST)

    request_id: ChangeRequestId = Field(description="The request's id.")
    schedule_id: str = Field(description="The schedule to change.")
    change: Override | Swap = Field(description="The change that applies once it is accepted.")
    removes: bool = Field(description="The change is to be taken back.")
    asked_by: PersonId = Field(description="Who wants the change.")
    person_id: PersonId = Field(description="Who must agree.")
    asked_at: datetime = Field(description="When it was asked for.")
    expires_at: datetime = Field(description="Until when it may be accepted.")
    state: ChangeRequestState = Field(description="Its state.")

    @classmethod
    def of(cls, request: ChangeRequest, at: datetime) -> "ChangeRequestOut":
        return cls(
            request_id=request.request_id,
            schedule_id=request.schedule_id,
            change=request.change,
            removes=request.removes,
            asked_by=request.asked_by,
            person_id=request.person_id,
            asked_at=request.asked_at,
            expires_at=request.expires_at,
            state=request.state_at(at),
        )
