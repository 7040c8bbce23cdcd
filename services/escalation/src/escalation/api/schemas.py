"""The response models that several routes share."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.clocks import ClockName, ClockState
from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.escalations import Cause, LeaseEnd, Severity
from common.contracts.event import (
    ComplaintId,
    ContactId,
    CustomerId,
    EscalationId,
    PersonId,
    TeamId,
)
from common.contracts.page_subjects import Outcome
from common.contracts.vacancies import VacancyCode
from common.http.examples import with_examples
from escalation.api.examples import ESCALATION
from escalation.domain.audit_trail import Step
from escalation.domain.duty.coverage import Mismatch, MismatchCode, seasonal_mismatches
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.errors import RefusalCode
from escalation.domain.escalations.page_requests import clock_state_of
from escalation.domain.escalations.permissions import Action
from escalation.domain.model import (
    Approval,
    Escalation,
    EscalationCause,
    EscalationState,
    TrackedContact,
)
from escalation.domain.settings.registry import Versioned
from escalation.domain.visibility import Viewer
from escalation.stream.records import EVENT_FRAME
from escalation.views import EscalationView

T = TypeVar("T")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SettingOut(Out, Generic[T]):
    id: str = Field(description="Names the setting among those of its kind.")
    version: int = Field(description="Counts its changes; it is the ETag too.")
    body: T = Field(description="The setting as it can be put again.")


class VacancyOut(Out):
    code: VacancyCode = Field(description="Why the level has nobody, or fewer people.")
    level_name: str = Field(description="The name of the level.")
    people: list[PersonId] = Field(
        description="Who is left out, or who has no superior; empty for the other codes."
    )
    setting_id: str | None = Field(
        description="The duty schedule or the team that has nobody; null for the other codes."
    )
    also_asked: list[PersonId] = Field(
        description="`line-managers`: who is asked with them, since they may not judge it alone."
    )


class WarningOut(Out):
    code: MismatchCode = Field(description="Names the kind of warning.")
    place: str = Field(description="The place in the body.")
    detail: str = Field(description="What is unusual, in words.")
    parameters: dict[str, Any] = Field(
        description="`weeks` of a year, `start` and `end` of the first time, and `other_rotation`: "
        "the one that is asked first where two overlap, from 0."
    )

    @classmethod
    def of(cls, mismatch: Mismatch) -> "WarningOut":
        return cls(
            code=mismatch.code,
            place=mismatch.place,
            detail=mismatch.detail,
            parameters={
                "weeks": mismatch.weeks,
                "start": mismatch.start.isoformat(),
                "end": mismatch.end.isoformat(),
                "other_rotation": mismatch.other,
            },
        )


class DutyScheduleOut(SettingOut[DutySchedule]):
    warnings: list[WarningOut] = Field(
        description="Where its rotations overlap or leave a gap in some weeks of the year."
    )

    @classmethod
    def of(cls, setting: Versioned[DutySchedule]) -> "DutyScheduleOut":
        mismatches = seasonal_mismatches(setting.body)
        return cls(
            id=setting.id,
            version=setting.version,
            body=setting.body,
            warnings=[WarningOut.of(mismatch) for mismatch in mismatches],
        )


class SettingRefOut(Out):
    id: str = Field(description="The setting's id.")
    version: int = Field(description="The version that applies.")


class PromiseOut(Out):
    policy: SettingRefOut = Field(description="The policy that made the promise.")
    target_s: float = Field(description="The target in seconds of business time.")
    state: ClockState = Field(
        description="How its clock stands now; `met_late` was breached before it was met."
    )


class RuleFindingOut(Out):
    policy_id: str = Field(description="The policy that has the rule.")
    policy_version: int = Field(description="The version of the policy.")
    contacts: int | None = Field(description="How many contacts the customer had by then.")
    within_days: int | None = Field(description="In how many days these came.")
    topic: str | None = Field(description="Their topic, if only those of one topic count.")


class CauseOut(Out):
    kind: Cause = Field(description="The kind of cause.")
    reason: str = Field(
        description="The words of the customer or the colleague; for a rule, what it found."
    )
    at: datetime = Field(description="When it happened.")
    by: PersonId | None = Field(description="The colleague who referred or reported it.")
    about: PersonId | None = Field(description="Whom a complaint is about.")
    clock: ClockName | None = Field(description="The clock that was breached or is at risk.")
    due_at: datetime | None = Field(description="The deadline of that clock.")
    score: int | None = Field(description="The score of feedback, from 1 to 5.")
    count: int = Field(description="How often it was given; `reason` and `at` are the last ones.")
    finding: RuleFindingOut | None = Field(
        description="What a rule about VIP customers or repeated contacts found."
    )
    complaint_id: ComplaintId | None = Field(
        description="The complaint, which has the words, for those who may read it."
    )
    promise: PromiseOut | None = Field(
        None,
        description="What was promised, if the cause is a clock that has not started again since.",
    )

    @classmethod
    def of(cls, cause: EscalationCause, contact: TrackedContact, viewer: Viewer) -> "CauseOut":
        shown = cls.model_validate(cause)
        clock = None if cause.clock is None else contact.clock(cause.clock)
        if clock is not None and clock.run == cause.clock_run:
            policy = SettingRefOut.model_validate(clock.policy)
            state = clock_state_of(clock)
            shown.promise = PromiseOut(policy=policy, target_s=clock.target_s, state=state)
        if viewer.sees_words(cause):
            return shown
        return shown.model_copy(
            update={"reason": "", "by": None, "about": None, "complaint_id": None}
        )


class NextClockOut(Out):
    clock: ClockName = Field(description="The clock.")
    due_at: datetime = Field(description="Its deadline.")


class ContactOut(BaseModel):
    channel: Channel = Field(description="The channel it came by.")
    subject: str = Field(description="Its subject line.")
    topic: str = Field(description="Its topic, by which policies match.")
    customer: str | None = Field(description="The customer's name, if known.")
    representative_id: PersonId | None = Field(description="Who works on it now.")
    team_id: TeamId | None = Field(
        description="The team of who works or worked on it, else the one that its channel says, if "
        "that has supervisors."
    )
    customer_id: CustomerId | None = Field(
        description="The customer, by whom intake lists the other contacts."
    )
    tier: Tier = Field(description="The customer's tier.")
    priority: Priority = Field(description="How urgent it is.")
    language: str = Field(description="The customer's language by BCP 47.")
    received_at: datetime = Field(description="When it came.")
    next_clock: NextClockOut | None = Field(
        description="The running clock that breaches next; null if none runs."
    )

    @classmethod
    def of(cls, contact: TrackedContact) -> "ContactOut | None":
        details = contact.details
        if details is None:
            return None
        return cls(
            channel=details.channel,
            subject=details.subject,
            topic=details.topic,
            customer=details.customer,
            representative_id=contact.representative_id,
            team_id=contact.team_id,
            customer_id=contact.customer_id,
            tier=details.tier,
            priority=details.priority,
            language=details.language,
            received_at=details.received_at,
            next_clock=_next_clock(contact),
        )


def _next_clock(contact: TrackedContact) -> NextClockOut | None:
    running = (clock for clock in contact.clocks if clock.state == "running")
    first = min(running, key=lambda clock: clock.due_at, default=None)
    return None if first is None else NextClockOut(clock=first.name, due_at=first.due_at)


class StepOut(Out):
    type: str = Field(description="The type of the event that tells of it.")
    at: datetime = Field(description="When it happened.")
    actor: str = Field(
        description="Who did it: a person, a system as `admin:ops`, a message or a timer."
    )
    data: dict[str, Any] = Field(description="The event's own fields, as in the stream.")

    @classmethod
    def of(cls, step: Step) -> "StepOut":
        data = {name: value for name, value in step.data.items() if name not in EVENT_FRAME}
        return cls(type=step.type, at=step.at, actor=step.actor, data=data)


class ActionOut(Out):
    action: Action = Field(description="The action, as its path names it.")
    allowed: bool = Field(description="Whether you may do it now, and it would change something.")
    code: RefusalCode | None = Field(description="Why not, as a code; null if it is allowed.")
    detail: str | None = Field(description="Why not, in words; null if it is allowed.")


class ApprovalOut(Out):
    asked_by: PersonId = Field(description="Who wants to grant the outcome.")
    outcome: Outcome = Field(description="The outcome to be approved.")
    amount: Decimal = Field(description="How much it costs.")
    currency: str = Field(description="The currency of the amount, by ISO 4217.")
    note: str = Field(description="The note of who asked.")
    asked_at: datetime = Field(description="When the approval was asked for.")
    level_name: str = Field(description="The level whose people are asked to approve it.")

    @classmethod
    def of(cls, escalation: Escalation, approval: Approval) -> "ApprovalOut":
        return cls(
            asked_by=approval.asked_by,
            outcome=approval.outcome,
            amount=approval.amount,
            currency=approval.currency,
            note=approval.note,
            asked_at=approval.asked_at,
            level_name=escalation.name_of(approval.level),
        )


class EscalationOut(Out):
    model_config = with_examples(ESCALATION)

    escalation_id: EscalationId = Field(description="The escalation's id.")
    contact_id: ContactId = Field(description="The contact it is about.")
    version: int | None = Field(
        description="Counts its changes; it is the ETag too. Null for representatives."
    )
    state: EscalationState = Field(description="Its state.")
    severity: Severity = Field(description="How severe it is.")
    level: int = Field(description="The level it is at, from 0.")
    level_name: str = Field(description="The name of that level.")
    level_count: int = Field(description="How many levels its ladder has.")
    ladder: str | None = Field(description="The ladder and its version; null if there was none.")
    holder: PersonId | None = Field(
        description="Who acknowledged it or took it over: a person, or a system as `admin:ops`."
    )
    awaited: tuple[PersonId, ...] = Field(
        description="Who is paged and may acknowledge it; empty while somebody holds it."
    )
    unreached: list[PersonId] = Field(
        description="Those of the awaited whom no message has reached."
    )
    deadline: datetime | None = Field(
        description="When it moves on if the holder makes no progress or nobody acknowledges."
    )
    left_s: float | None = Field(description="Seconds until the deadline; negative once passed.")
    lease_end: LeaseEnd | None = Field(description="What ends the holder's lease at the deadline.")
    snoozed_until: datetime | None = Field(description="When its snooze ends.")
    snoozes: int = Field(description="How often it was snoozed.")
    alarm_since: datetime | None = Field(
        description="Since when the whole ladder has gone unanswered; null if it has not."
    )
    raised_at: datetime = Field(description="When it was raised.")
    closed_at: datetime | None = Field(description="When it ended; null while open.")
    approval: ApprovalOut | None = Field(description="The approval that is asked for, if any.")
    outcome: Outcome | None = Field(description="The outcome it was resolved with.")
    amount: Decimal | None = Field(description="What the outcome costs.")
    currency: str | None = Field(description="The currency of the amount, by ISO 4217.")
    approved_by: PersonId | None = Field(description="Who approved the outcome.")
    note: str | None = Field(description="The note or guidance it ended with.")
    causes: list[CauseOut] = Field(
        description="Why it was raised, in order: the first one and the last ones."
    )
    cause_count: int = Field(description="How many causes were given, repetitions included.")
    contact: ContactOut | None = Field(description="The contact, if it was received yet.")
    latest_step: StepOut | None = Field(
        description="Why it is with whom it is: the last event that decided who must act. Null for "
        "representatives."
    )
    actions: list[ActionOut] = Field(
        description="What you may do with it now, in the order of the API; empty for "
        "representatives. What the body of a request says is checked when it is sent."
    )

    @classmethod
    def of(cls, view: EscalationView) -> "EscalationOut":
        viewer, contact = view.viewer, view.contact
        escalation = viewer.shown(view.escalation, contact)
        awaited = escalation.awaited if escalation.holder is None else ()
        deadline, approval = escalation.deadline, escalation.approval
        lease, resolution = escalation.lease, escalation.resolution
        return cls(
            escalation_id=escalation.escalation_id,
            contact_id=escalation.contact_id,
            version=None if viewer.is_representative else escalation.version,
            state=escalation.state,
            severity=escalation.severity,
            level=escalation.level,
            level_name=escalation.level_name,
            level_count=len(escalation.levels),
            ladder=str(escalation.ladder.ref) if escalation.levels else None,
            holder=escalation.holder,
            awaited=awaited,
            unreached=[
                page.person_id
                for page in escalation.pages
                if page.failure is not None and page.person_id in awaited
            ],
            deadline=deadline,
            left_s=None if deadline is None else (deadline - view.at).total_seconds(),
            lease_end=lease.ends_by if lease else None,
            snoozed_until=lease.snoozed_until if lease else None,
            snoozes=escalation.snoozes,
            alarm_since=escalation.alarm_since,
            raised_at=escalation.raised_at,
            closed_at=escalation.closed_at,
            approval=None if approval is None else ApprovalOut.of(escalation, approval),
            outcome=resolution.outcome if resolution else None,
            amount=resolution.amount if resolution else None,
            currency=resolution.currency if resolution else None,
            approved_by=resolution.approved_by if resolution else None,
            note=resolution.note if resolution else None,
            causes=[CauseOut.of(cause, contact, viewer) for cause in escalation.causes],
            cause_count=escalation.cause_count,
            contact=ContactOut.of(contact),
            latest_step=None if view.latest_step is None else StepOut.of(view.latest_step),
            actions=[ActionOut.model_validate(permission) for permission in view.permissions],
        )
