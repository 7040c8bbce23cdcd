"""Drafts tried on the past: what they would have changed, as a job with progress and result."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Body, Path, Response
from pydantic import Field

from common.contracts.contract import Instant
from common.contracts.event import ContactId, PersonId
from common.http.access import ManagerUser
from common.http.app import RequestModel, Slug
from common.http.examples import with_examples
from common.http.problems import InvalidPart
from common.http.routes import ApiRouter
from escalation import use_cases
from escalation.api.deps import EscalationDatabase, check_length, refusals, transaction
from escalation.api.schemas import Out
from escalation.api.simulation_examples import SIMULATION, SIMULATION_ID, SIMULATION_REQUEST
from escalation.domain import errors
from escalation.domain.duty.calendars import Calendar
from escalation.domain.settings.documents import setting_document
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.simulation_job import (
    LONGEST_PERIOD,
    MAX_CONTACTS,
    Draft,
    SimulationFailureCode,
    SimulationId,
    SimulationJob,
    SimulationRequest,
    SimulationState,
)

router = ApiRouter(prefix="/v1/simulations", tags=["settings"])

SimulationPath = Annotated[UUID, Path(examples=[SIMULATION_ID])]
_MAX_DRAFTS: Final = 10
_DEFAULT_CONTACTS: Final = 2000
_DEFAULT_ANSWER_S: Final = 120
_LONGEST_ANSWER: Final = timedelta(days=1)
_ID: Final = Field(description="The setting's id; a new one adds a setting.")


class PolicyDraft(RequestModel):
    kind: Literal["sla-policies"] = Field(description="The kind of setting.")
    id: Slug = _ID
    body: SlaPolicy = Field(description="The policy, as it is put.")


class CalendarDraft(RequestModel):
    kind: Literal["calendars"] = Field(description="The kind of setting.")
    id: Slug = _ID
    body: Calendar = Field(description="The calendar, as it is put.")


class LadderDraft(RequestModel):
    kind: Literal["ladders"] = Field(description="The kind of setting.")
    id: Slug = _ID
    body: Ladder = Field(description="The ladder, as it is put.")


AnyDraft = Annotated[PolicyDraft | CalendarDraft | LadderDraft, Field(discriminator="kind")]


class SimulationIn(RequestModel):
    model_config = with_examples(SIMULATION_REQUEST)

    drafts: list[AnyDraft] = Field(
        min_length=1,
        max_length=_MAX_DRAFTS,
        description="The settings to try, each as the next version of its own.",
    )
    since: Instant | None = Field(
        None,
        description=f"Contacts received from then on; by default, and at most, "
        f"{LONGEST_PERIOD.days} days before `until`: older events are not kept.",
    )
    until: Instant | None = Field(
        None,
        description="Contacts received, and what happened to them, before then; by default now.",
    )
    latest_contacts: int = Field(
        _DEFAULT_CONTACTS,
        ge=1,
        le=MAX_CONTACTS,
        description="How many contacts of the period at most; the latest count.",
    )
    answer_after_s: float | None = Field(
        _DEFAULT_ANSWER_S,
        gt=0,
        le=_LONGEST_ANSWER.total_seconds(),
        description="Assume that the first person who is asked answers after so many seconds; "
        "null: nobody answers.",
    )

    def request(self, now: datetime) -> SimulationRequest:
        until = min(self.until or now, now)
        since = self.since or until - LONGEST_PERIOD
        check_length(since, until, LONGEST_PERIOD, "body/until", after="since")
        return SimulationRequest(
            drafts=tuple(Draft(draft.kind, draft.id, draft.body) for draft in self.drafts),
            since=since,
            until=until,
            latest_contacts=self.latest_contacts,
            answer_after_s=self.answer_after_s,
        )


class ChangeOut(Out):
    before: int = Field(description="Under the settings in force.")
    after: int = Field(description="Under the drafts.")


class ClockComparisonOut(Out):
    clock: str = Field(description="What was promised.")
    promises: ChangeOut = Field(description="How many clocks started.")
    breaches: ChangeOut = Field(description="How many of them were late.")


class PolicyComparisonOut(Out):
    policy_id: str = Field(description="The policy.")
    contacts: ChangeOut = Field(description="The contacts to which it made most promises.")
    breaches: ChangeOut = Field(description="Its promises that were broken.")
    escalations: ChangeOut = Field(description="The escalations of these contacts.")
    clocks: list[ClockComparisonOut] = Field(description="Its promises, by clock.")


class LevelComparisonOut(Out):
    level: str = Field(description="The name of the level.")
    pages: ChangeOut = Field(description="How often somebody was paged there.")


class ContactOutcomeOut(Out):
    policy_id: str | None = Field(
        description="The policy that made most of its promises; null if none applied."
    )
    breaches: list[str] = Field(description="The clocks that were breached.")
    escalations: int = Field(description="How often it was escalated.")
    highest_level: str | None = Field(
        description="The highest level it reached; null without an escalation."
    )
    pages: int = Field(description="How many pages it caused.")


class ChangedContactOut(Out):
    contact_id: ContactId = Field(description="The contact.")
    before: ContactOutcomeOut = Field(description="What becomes of it by the settings in force.")
    after: ContactOutcomeOut = Field(description="What becomes of it by the drafts.")


class SimulationResultOut(Out):
    contacts: int = Field(description="How many contacts were replayed.")
    changed: int = Field(description="Of how many something else becomes.")
    without_policy: ChangeOut = Field(description="The contacts to which no policy applies.")
    breaches: ChangeOut = Field(description="The promises that were broken.")
    escalations: ChangeOut = Field(description="The escalations.")
    unanswered: ChangeOut = Field(description="Escalations that nobody on the ladder answered.")
    pages: ChangeOut = Field(description="The pages, with warnings.")
    policies: list[PolicyComparisonOut] = Field(description="The same by policy, by id.")
    levels: list[LevelComparisonOut] = Field(description="The pages by level.")
    examples: list[ChangedContactOut] = Field(
        description="At most 20 contacts of which something else becomes."
    )


class SimulationOut(Out):
    model_config = with_examples(SIMULATION)

    simulation_id: SimulationId = Field(description="The simulation's id.")
    state: SimulationState = Field(description="Where it is.")
    asked_by: PersonId = Field(description="Who asked for it.")
    asked_at: datetime = Field(description="When.")
    since: datetime = Field(description="The start of its period.")
    until: datetime = Field(description="The end of its period.")
    latest_contacts: int = Field(description="How many contacts at most.")
    answer_after_s: float | None = Field(
        description="When the first person who is asked answers; null: nobody does."
    )
    drafts: list[AnyDraft] = Field(description="The settings that are tried.")
    processed: int = Field(description="The contacts that were replayed so far.")
    total: int | None = Field(description="The contacts to replay; null until they are counted.")
    failure: str | None = Field(description="Why it failed, if it did, in words.")
    failure_code: SimulationFailureCode | None = Field(description="Why it failed, as a code.")
    errors: list[InvalidPart] = Field(
        description="`invalid-settings`: what is wrong with the drafts by now."
    )
    result: SimulationResultOut | None = Field(description="What it found, once it is done.")

    @classmethod
    def of(cls, job: SimulationJob) -> "SimulationOut":
        request, failure = job.request, job.failure
        return cls.model_validate(
            {
                "simulation_id": job.simulation_id,
                "state": job.state,
                "asked_by": job.asked_by,
                "asked_at": job.asked_at,
                "since": request.since,
                "until": request.until,
                "latest_contacts": request.latest_contacts,
                "answer_after_s": request.answer_after_s,
                "drafts": [_draft_out(draft) for draft in request.drafts],
                "processed": job.processed,
                "total": job.total,
                "failure": failure.text if failure else None,
                "failure_code": failure.code if failure else None,
                "errors": [InvalidPart.of(each) for each in (failure.errors if failure else ())],
                "result": job.result,
            }
        )


def _draft_out(draft: Draft) -> dict[str, Any]:
    return {"kind": draft.kind, "id": draft.id, "body": setting_document(draft.body)}


@router.post("", status_code=202, responses=refusals(errors.TooManySimulationsError))
async def start_simulation(
    simulation: Annotated[SimulationIn, Body()],
    database: EscalationDatabase,
    caller: ManagerUser,
    response: Response,
) -> SimulationOut:
    """Try drafts on past contacts: what would have been late, and who would have been asked.

    The answer is the job; `Location` is where to see how far it is. The same contacts are replayed
    under the settings in force and under the drafts, at low priority. It changes no setting and
    pages nobody. Repeated contacts and escalations raised by hand are left out, and duty is as
    scheduled now. Drafts are validated as when they are put. Of a person three jobs may wait or run
    at once; a job is kept for seven days.
    """
    async with transaction(database) as uow:
        job = await use_cases.start_simulation(simulation.request(uow.now), caller.actor, uow)
    response.headers["Location"] = f"{router.prefix}/{job.simulation_id}"
    return SimulationOut.of(job)


_ON_SIMULATION: Final = refusals(errors.SimulationNotFoundError)


@router.get("/{simulation_id}", responses=_ON_SIMULATION)
async def show_simulation(
    simulation_id: SimulationPath, database: EscalationDatabase, caller: ManagerUser
) -> SimulationOut:
    """Show how far a simulation is that you asked for, and its result once it is done."""
    async with transaction(database) as uow:
        job = await use_cases.own_simulation(_id(simulation_id), caller.actor, uow)
    return SimulationOut.of(job)


@router.delete("/{simulation_id}", status_code=204, responses=_ON_SIMULATION)
async def cancel_simulation(
    simulation_id: SimulationPath, database: EscalationDatabase, caller: ManagerUser
) -> None:
    """Cancel a simulation that you asked for; one that has ended stays as it is."""
    async with transaction(database) as uow:
        job = await use_cases.own_simulation(_id(simulation_id), caller.actor, uow)
        await uow.simulations.cancel(job.simulation_id)


def _id(simulation_id: UUID) -> SimulationId:
    return SimulationId(str(simulation_id))
