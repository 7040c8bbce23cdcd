"""The clocks of one contact, explained."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field

from common.contracts.change_reasons import ChangeReason
from common.contracts.clocks import ClockName, ThresholdAction
from common.contracts.contacts import Priority
from common.contracts.event import ContactId
from common.http.app import ContactPath
from common.http.examples import with_examples
from common.http.routes import ApiRouter
from escalation.api.clock_examples import CLOCKS
from escalation.api.deps import EscalationDatabase, StaffViewer, refusals, transaction
from escalation.api.schemas import Out, SettingRefOut
from escalation.domain.clocks import timeline
from escalation.domain.clocks.timeline import ChangeCode, Entry
from escalation.domain.duty.calendars import Calendar
from escalation.domain.errors import ContactNotFoundError
from escalation.domain.model import ClockState, SlaClock, Threshold

# It follows the escalation.
_OF_ESCALATION: Final[ClockName] = "acknowledgement"
router = ApiRouter(prefix="/v1/contacts", tags=["clocks"])


class ThresholdOut(BaseModel):
    percent: int = Field(
        description="Its share of the target; 100 without an `offset_s` is the deadline."
    )
    offset_s: float | None = Field(
        description="Seconds after the deadline, negative before it; null if set by a percentage."
    )
    action: ThresholdAction = Field(description="What happens there.")
    priority: Priority | None = Field(description="The contact's priority from there on, if set.")
    due_at: datetime | None = Field(description="When it is due; null while the clock is paused.")
    fired_at: datetime | None = Field(description="When it fired; null if it has not.")
    lateness_ms: float | None = Field(description="How late it fired.")


class TimelineEntryOut(Out):
    at: datetime = Field(description="From when it counts.")
    run: int = Field(description="Which of the clock's runs it is about.")
    text: str = Field(description="What happened to the clock, in words.")
    code: ChangeCode = Field(description="What happened to the clock, as a code.")
    parameters: dict[str, Any] = Field(
        description="The figures of it: `target_s`, `before_s`, `elapsed_s`, `left_s`, `lateness_s`"
        " and `late_s` in seconds, the last negative if it was in time."
    )
    reason: ChangeReason | None = Field(description="Why; null if the clock itself is why.")


class ClockOut(BaseModel):
    clock: ClockName = Field(description="The clock's name.")
    run: int = Field(description="Counts the clock's starts.")
    state: ClockState = Field(description="Its state.")
    summary: str = Field(description="How it stands, in one line.")
    policy: SettingRefOut = Field(description="The policy that set the target.")
    calendar: SettingRefOut | None = Field(
        description="The calendar whose business time counts; null if every hour counts."
    )
    target_s: float = Field(description="The target in seconds of business time.")
    started_at: datetime = Field(description="When it started.")
    due_at: datetime | None = Field(description="Its deadline; null while it is paused.")
    thresholds: list[ThresholdOut] = Field(description="Its thresholds, in order.")
    met_at: datetime | None = Field(description="When it was met.")
    cancelled_at: datetime | None = Field(description="When it was cancelled.")
    paused_at: datetime | None = Field(description="Since when it is paused.")
    paused_reason: str | None = Field(description="Why it is paused.")
    elapsed_s: float = Field(description="Seconds of business time that have passed.")
    left_s: float | None = Field(
        description="Seconds on the wall clock until the deadline, negative once passed."
    )
    left_business_s: float | None = Field(
        description="Seconds of business time until the deadline, negative once passed."
    )
    timeline: list[TimelineEntryOut] = Field(
        description="What happened to it, in order, in the contact's last 1,000 clock events."
    )


class ContactClocksOut(BaseModel):
    model_config = with_examples(CLOCKS)

    contact_id: ContactId = Field(description="The contact.")
    at: datetime = Field(description="The time of this answer.")
    reopenings: int = Field(description="How many times the contact was reopened.")
    reply_owed_since: datetime | None = Field(
        description="Since when we owe the customer a reply; null if we have replied."
    )
    waiting_since: datetime | None = Field(
        description="Since when we wait for the customer; null if it is our turn."
    )
    wait_ends_at: datetime | None = Field(
        description="When paused clocks run on if the customer does not answer before."
    )
    clocks: list[ClockOut] = Field(description="The contact's clocks.")


@router.get("/{contact_id}/clocks", responses=refusals(ContactNotFoundError))
async def show_clocks(
    contact_id: ContactPath, database: EscalationDatabase, viewer: StaffViewer
) -> ContactClocksOut:
    """Show each clock of a contact: its target, policy, deadline, state and timeline.

    Representatives see those of contacts that they have or had. An escalation that they may not see
    does not change the acknowledgement clock for them.
    """
    async with transaction(database) as uow:
        await uow.visible_contact(contact_id, viewer)
        hidden = await uow.escalations.hidden_from(viewer, contact_id)
        history = await uow.contacts.clock_history(contact_id)
        configuration = await uow.settings.in_force()
    entries = timeline.build_timeline(history.events)
    clocks = history.contact.clocks
    if hidden:
        since = min(hidden.values())
        entries = [entry for entry in entries if entry.clock != _OF_ESCALATION or entry.at < since]
        earlier = timeline.clock_before(_OF_ESCALATION, history.events, since)
        others = (clock for clock in clocks if clock.name != _OF_ESCALATION)
        clocks = (*others, earlier) if earlier else tuple(others)
    return ContactClocksOut(
        contact_id=contact_id,
        at=uow.now,
        reopenings=history.contact.reopenings,
        reply_owed_since=history.contact.reply_owed_since,
        waiting_since=history.contact.waiting_since,
        wait_ends_at=history.contact.wait_ends_at,
        clocks=[
            _clock_out(
                clock,
                configuration.calendar_version(clock.calendar),
                [entry for entry in entries if entry.clock == clock.name],
                uow.now,
            )
            for clock in clocks
        ],
    )


def _clock_out(
    clock: SlaClock, calendar: Calendar | None, entries: Sequence[Entry], at: datetime
) -> ClockOut:
    elapsed_s = timeline.spent_s(calendar, clock, at)
    is_paused = clock.paused_at is not None and not clock.ended
    is_running = not clock.ended and not is_paused
    return ClockOut(
        clock=clock.name,
        run=clock.run,
        state=clock.state,
        summary=timeline.summarize(clock, at),
        policy=SettingRefOut.model_validate(clock.policy),
        calendar=None if clock.calendar is None else SettingRefOut.model_validate(clock.calendar),
        target_s=clock.target_s,
        started_at=clock.started_at,
        due_at=None if is_paused and not clock.breached else clock.due_at,
        thresholds=[
            _threshold_out(threshold, is_paused=is_paused) for threshold in clock.thresholds
        ],
        met_at=clock.met_at,
        cancelled_at=clock.cancelled_at,
        paused_at=clock.paused_at if is_paused else None,
        paused_reason=clock.pause_reason if is_paused else None,
        elapsed_s=elapsed_s,
        left_s=(clock.due_at - at).total_seconds() if is_running else None,
        left_business_s=None if clock.ended else clock.target_s - elapsed_s,
        timeline=[TimelineEntryOut.model_validate(entry) for entry in entries],
    )


def _threshold_out(threshold: Threshold, *, is_paused: bool) -> ThresholdOut:
    return ThresholdOut(
        percent=threshold.percent,
        offset_s=threshold.offset_s,
        action=threshold.action,
        priority=threshold.priority,
        due_at=None if is_paused and threshold.fired_at is None else threshold.due_at,
        fired_at=threshold.fired_at,
        lateness_ms=threshold.lateness_ms,
    )
