"""Queries about escalations: filters and order of a list, and how late timers fired."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from common.contracts.clocks import ClockBreached, ClockName, ClockWarned
from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.contract import Instant
from common.contracts.escalations import (
    Cause,
    EscalationClimbed,
    EscalationReturned,
    EscalationUnanswered,
    Severity,
    Wait,
)
from common.contracts.event import UUID_PATTERN, ContactId, EscalationId, Event
from common.contracts.needs import ContactTopic, LanguageTag
from escalation.domain.model import OPEN_STATES, Escalation, EscalationState
from escalation.domain.types import Label, SettingId, StaffId

Sort = Literal["time_left", "severity", "newest"]

_UUID = StringConstraints(pattern=f"^{UUID_PATTERN}$")


def _set_fields(query: BaseModel, filters: type[BaseModel]) -> dict[str, Any]:
    """Return the filters of the query that are set, without what it has besides."""
    values = ((name, getattr(query, name)) for name in filters.model_fields)
    return {name: value for name, value in values if value is not None}


class EscalationFilter(BaseModel):
    """Each filter narrows a list or a stream; of several values of one filter any matches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact_id: Annotated[str, _UUID] | None = Field(None, description="only of this contact")
    state: Annotated[list[EscalationState], Len(min_length=1)] | None = Field(
        None, description="in one of these states"
    )
    person: StaffId | None = Field(None, description="holds it, or is awaited to answer")
    severity: list[Severity] | None = Field(None, description="of these severities")
    level: list[Label] | None = Field(None, description="name or number of a level")
    cause: list[Cause] | None = Field(None, description="with a cause of these kinds")
    channel: list[Channel] | None = Field(None, description="channel of the contact")
    topic: list[ContactTopic] | None = Field(None, description="topic of the contact")
    tier: list[Tier] | None = Field(None, description="tier of the customer")
    team: list[Label] | None = Field(None, description="id of the contact's team")
    representative: list[StaffId] | None = Field(None, description="who works on the contact")
    ladder: list[SettingId] | None = Field(None, description="id of the ladder it is on")
    overdue: bool | None = Field(None, description="whether its deadline has passed")
    alarm: bool | None = Field(None, description="whether its whole ladder has gone unanswered")

    @property
    def values(self) -> dict[str, Any]:
        """The filters that are set."""
        return _set_fields(self, EscalationFilter)


class _ListOrder(BaseModel):
    sort: Sort = Field(
        "time_left",
        description="`severity` sorts the most severe first, and equal ones by the time left",
    )


# The order is read before `state`, whose validator needs it.
class EscalationQuery(EscalationFilter, _ListOrder):
    state: Annotated[list[EscalationState], Len(min_length=1)] = Field(
        list(OPEN_STATES),
        description="closed ones only with `sort=newest`, or of one contact",
    )

    @property
    def filters(self) -> dict[str, Any]:
        """The filters and the order, as JSON; a cursor is valid for these only."""
        return self.model_dump(mode="json", include=set(EscalationQuery.model_fields))

    @field_validator("state")
    @classmethod
    def _limit_closed(
        cls, states: list[EscalationState], info: ValidationInfo
    ) -> list[EscalationState]:
        # Closed ones are too many to be sorted by anything but the time they were raised.
        indexed = info.data.get("sort") == "newest" or info.data.get("contact_id")
        if not indexed and not set(states) <= set(OPEN_STATES):
            raise ValueError("list closed ones with sort=newest or by their contact_id")
        return states


@dataclass(frozen=True, slots=True)
class PageKey:
    """The sort values of the last escalation of a page."""

    severity: Severity
    deadline: Instant | None
    raised_at: Instant
    escalation_id: Annotated[EscalationId, _UUID]


def page_key(escalation: Escalation) -> PageKey:
    return PageKey(
        escalation.severity, escalation.deadline, escalation.raised_at, escalation.escalation_id
    )


class ClockFilter(BaseModel):
    """Each filter narrows the list; of several values of one filter any matches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clock: list[ClockName] | None = Field(None, description="of these clocks")
    policy: list[SettingId] | None = Field(None, description="id of the policy that promised it")
    team: list[Label] | None = Field(None, description="id of the contact's team")
    representative: list[StaffId] | None = Field(None, description="who works on the contact")
    channel: list[Channel] | None = Field(None, description="channel of the contact")
    topic: list[ContactTopic] | None = Field(None, description="topic of the contact")
    language: list[LanguageTag] | None = Field(None, description="language of the contact")
    priority: list[Priority] | None = Field(None, description="priority of the contact")
    tier: list[Tier] | None = Field(None, description="tier of the customer")

    @property
    def values(self) -> dict[str, Any]:
        """The filters that are set."""
        return _set_fields(self, ClockFilter)


@dataclass(frozen=True, slots=True)
class DueClock:
    """A running clock that has not breached, and its deadline."""

    contact_id: Annotated[ContactId, _UUID]
    clock: ClockName
    due_at: Instant


LATENESS_TOLERANCE_MS = 50

Kind = ClockName | Wait


@dataclass(frozen=True, slots=True)
class ObservedLateness:
    """How late a timer fired; without `policy` a ladder set its deadline."""

    policy: str | None
    kind: Kind
    lateness_ms: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """The lateness of all deadlines of one policy and kind."""

    policy: str | None
    kind: Kind
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    over_50_ms: int


def observed_lateness(event: Event) -> ObservedLateness | None:
    """Return the lateness that an event reports; None if no timer caused it."""
    if isinstance(event, ClockWarned | ClockBreached):
        return ObservedLateness(event.policy_id, event.clock, event.lateness_ms)
    if isinstance(event, EscalationReturned):
        return ObservedLateness(None, "lease", event.lateness_ms)
    if isinstance(event, EscalationClimbed | EscalationUnanswered):
        if event.waited_for is None or event.lateness_ms is None:
            return None
        return ObservedLateness(None, event.waited_for, event.lateness_ms)
    return None
