"""A simulation as a job: who asked for what, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NewType

from common.contracts.event import PersonId
from common.contracts.validation_messages import InvalidField
from escalation.domain.errors import InvalidSettingError
from escalation.domain.settings.registry import Configuration, Setting
from escalation.domain.settings.validation import validate_setting
from escalation.domain.simulation import Assumptions

SimulationId = NewType("SimulationId", str)
SimulationState = Literal["queued", "running", "done", "failed", "cancelled"]
# Events are kept so long for it.
LONGEST_PERIOD: Final = timedelta(days=90)
MAX_CONTACTS: Final = 20_000
MAX_OPEN_JOBS_OF_PERSON: Final = 3
MAX_OPEN_JOBS: Final = 20
# A job is tried so often: one that ends its process must not do so for ever.
MAX_ATTEMPTS: Final = 3


SimulationFailureCode = Literal["fault", "interrupted", "invalid-settings"]


@dataclass(frozen=True, slots=True)
class SimulationFailure:
    """`text` says it in English, the rest as data for other languages.

    The places of `errors` are in the request.
    """

    text: str
    code: SimulationFailureCode
    errors: tuple[InvalidField, ...] = ()


FAULT: Final = SimulationFailure(
    "It failed inside the service; the operators find the reason in its log.", "fault"
)
INTERRUPTED: Final = SimulationFailure(
    "The service was interrupted each time it ran. Try a shorter period.", "interrupted"
)


def invalid_settings(errors: Sequence[InvalidField]) -> SimulationFailure:
    text = "; ".join(f"{each.place}: {each.detail}" for each in errors)
    return SimulationFailure(text, "invalid-settings", tuple(errors))


@dataclass(frozen=True, slots=True)
class Draft:
    """A setting to try; `kind` is its path in the API."""

    kind: str
    id: str
    body: Setting


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """The latest contacts received in the period, and their events in it, under the drafts."""

    drafts: tuple[Draft, ...]
    since: datetime
    until: datetime
    latest_contacts: int
    answer_after_s: float | None

    @property
    def assumptions(self) -> Assumptions:
        after_s = self.answer_after_s
        return Assumptions(None if after_s is None else timedelta(seconds=after_s))


@dataclass(frozen=True, slots=True)
class SimulationJob:
    """`total` is None until the contacts are counted; `result` is that of a job which is done."""

    simulation_id: SimulationId
    asked_by: PersonId
    asked_at: datetime
    state: SimulationState
    attempt: int
    request: SimulationRequest
    total: int | None
    processed: int
    result: dict[str, Any] | None
    failure: SimulationFailure | None


def new_job(
    simulation_id: SimulationId, request: SimulationRequest, by: PersonId, at: datetime
) -> SimulationJob:
    return SimulationJob(
        simulation_id,
        asked_by=by,
        asked_at=at,
        state="queued",
        attempt=0,
        request=request,
        total=None,
        processed=0,
        result=None,
        failure=None,
    )


def with_drafts(configuration: Configuration, drafts: Sequence[Draft]) -> Configuration:
    """Add each draft as the setting's next version; raises InvalidSettingError."""
    for draft in drafts:
        configuration = configuration.with_next(draft.id, draft.body)
    errors = [
        error.within(f"drafts/{number}/body")
        for number, draft in enumerate(drafts)
        for error in validate_setting(configuration, draft.id, draft.body)
    ]
    if errors:
        raise InvalidSettingError(errors)
    return configuration
