"""The promises that are about to break, of all contacts."""

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Query
from pydantic import BaseModel, Field, TypeAdapter

from common.contracts.clocks import ClockName, ThresholdAction
from common.contracts.contract import Instant
from common.contracts.event import ContactId, EscalationId
from common.http.access import SupervisorUser
from common.http.examples import with_examples
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from escalation.api.clock_examples import DUE_CLOCK
from escalation.api.deps import EscalationDatabase, StaffViewer, check_length, transaction
from escalation.api.schemas import ContactOut, SettingRefOut
from escalation.domain.clocks import timeline
from escalation.domain.model import SlaClock, TrackedContact
from escalation.domain.queries import ClockFilter, DueClock
from escalation.domain.settings.registry import Configuration

router = ApiRouter(prefix="/v1/clocks", tags=["clocks"])

_DEFAULT_AHEAD: Final = timedelta(hours=1)
# Each clock that is due until then is looked at.
_LONGEST_AHEAD: Final = timedelta(days=2)
_KEY: Final = TypeAdapter(DueClock)


class DueClockQuery(ClockFilter):
    due_before: Instant | None = Field(
        None,
        description="only deadlines before then, at most two days from now; by default an hour",
    )
    limit: Limit = 50
    cursor: Cursor = None


class NextThresholdOut(BaseModel):
    action: ThresholdAction = Field(description="What happens there.")
    due_at: datetime = Field(description="When.")


class DueClockOut(BaseModel):
    model_config = with_examples(DUE_CLOCK)

    contact_id: ContactId = Field(description="The contact.")
    clock: ClockName = Field(description="What was promised.")
    due_at: datetime = Field(description="When the promise breaks.")
    left_s: float = Field(description="Seconds on the wall clock until then.")
    left_business_s: float = Field(
        description="Seconds of business time until then; the same if every hour counts."
    )
    target_s: float = Field(description="The target in seconds of business time.")
    started_at: datetime = Field(description="When the clock started.")
    policy: SettingRefOut = Field(description="The policy that made the promise.")
    calendar: SettingRefOut | None = Field(
        description="The calendar whose business time counts; null if every hour counts."
    )
    next_threshold: NextThresholdOut | None = Field(
        description="What the clock does next: a warning, or that it raises an escalation."
    )
    contact: ContactOut | None = Field(description="What is known of the contact.")
    escalation_id: EscalationId | None = Field(
        description="Its open escalation, if something else has raised one already."
    )


@router.get("")
async def list_due_clocks(
    query: Annotated[DueClockQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
    viewer: StaffViewer,
) -> Page[DueClockOut]:
    """List the running clocks that breach soon, the earliest first.

    It has neither those that are breached, which raised an escalation, nor those that pause.
    Supervisors see those of the contacts whose escalations they see.
    """
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    after = decode_cursor(query.cursor, _KEY, filters)
    async with transaction(database) as uow:
        now = uow.now
        due_before = query.due_before or now + _DEFAULT_AHEAD
        if after is None:
            check_length(now, due_before, _LONGEST_AHEAD, "query/due_before", after="now")
        # With a cursor the time may have passed since the first page.
        configuration = await uow.settings.in_force()
        scope = viewer.scope_in(configuration)
        due = await uow.due_clocks.page(query, due_before, after, query.limit + 1, viewer, scope)
        contacts = await uow.contacts.get_all(each.contact_id for each in due)
    return Page[DueClockOut].of(
        due,
        query.limit,
        key=lambda each: each,
        show=lambda each: _out(each, contacts[each.contact_id], configuration, now),
        filters=filters,
    )


def _out(
    due: DueClock, contact: TrackedContact, configuration: Configuration, at: datetime
) -> DueClockOut:
    clock = _clock_of(contact, due)
    calendar = configuration.calendar_version(clock.calendar)
    threshold = clock.next_threshold
    return DueClockOut(
        contact_id=contact.contact_id,
        clock=clock.name,
        due_at=clock.due_at,
        left_s=(clock.due_at - at).total_seconds(),
        left_business_s=clock.target_s - timeline.spent_s(calendar, clock, at),
        target_s=clock.target_s,
        started_at=clock.started_at,
        policy=SettingRefOut.model_validate(clock.policy),
        calendar=None if clock.calendar is None else SettingRefOut.model_validate(clock.calendar),
        next_threshold=None
        if threshold is None
        else NextThresholdOut(action=threshold.action, due_at=threshold.due_at),
        contact=ContactOut.of(contact),
        escalation_id=contact.escalation_id,
    )


def _clock_of(contact: TrackedContact, due: DueClock) -> SlaClock:
    """Return the clock that the query found by its timer."""
    return next(clock for clock in contact.clocks if clock.name == due.clock)
