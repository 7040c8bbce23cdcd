"""Questions about the settings: which policy, who would be asked, and what is wrong with them."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import Body, Path, Query
from pydantic import Field

from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.contract import Instant
from common.contracts.event import PersonId, TeamId
from common.contracts.needs import ContactTopic, LanguageTag
from common.http.access import StaffUser, SupervisorUser
from common.http.app import RequestModel, Slug
from common.http.examples import CONTACT, CUSTOMER, with_examples
from common.http.pagination import Page
from common.http.problems import invalid
from common.http.routes import ApiRouter
from escalation.api.deps import EscalationDatabase, refusals, transaction
from escalation.api.examples import CONFIGURATION_PROBLEM, LADDER_ID, LADDER_PREVIEW, POLICY_MATCH
from escalation.api.schemas import Out
from escalation.api.settings import get_or_404
from escalation.domain.configuration_problems import ProblemCode, configuration_problems
from escalation.domain.errors import SettingNotFoundError
from escalation.domain.ladder_preview import preview
from escalation.domain.policy_match import match_policy
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.policies import ContactDetails
from escalation.domain.types import Label, SettingId, StaffId

LadderPath = Annotated[Slug, Path(examples=[LADDER_ID])]

router = ApiRouter(prefix="/v1", tags=["settings"])


class ContactFacts(RequestModel):
    model_config = with_examples(
        {
            **{name: CONTACT[name] for name in ("channel", "priority", "topic", "language")},
            "tier": CUSTOMER["tier"],
            "region": "EMEA",
        }
    )

    channel: Channel = Field("ticket", description="The channel.")
    priority: Priority = Field("normal", description="The priority.")
    topic: ContactTopic = Field(description="The topic.")
    language: LanguageTag = Field("en", description="The language.")
    tier: Tier = Field("standard", description="The customer's tier.")
    region: Label | None = Field(None, description="The customer's region, if known.")
    campaign: Label | None = Field(None, description="The campaign, if any.")


class SettingRef(Out):
    id: str = Field(description="The setting's id.")
    version: int = Field(description="Its version.")


class KeyMismatchOut(Out):
    key: str = Field(description="The key of the policy's match.")
    allowed: tuple[str, ...] = Field(description="The values that the policy is for.")
    value: str | None = Field(description="The contact's value; null if it has none.")


class OtherPolicyOut(Out):
    policy: SettingRef = Field(description="The policy.")
    mismatches: list[KeyMismatchOut] = Field(
        description="The keys that do not match; empty if another policy comes first."
    )
    reason: str = Field(description="Why it does not apply, in words.")


class PolicyMatchOut(Out):
    model_config = with_examples(POLICY_MATCH)

    policy: SettingRef | None = Field(
        description="The policy that applies; null if none does: the contact has no clocks."
    )
    calendar: SettingRef | None = Field(description="The calendar that counts; null for 24x7.")
    ladder_id: SettingId | None = Field(
        description="The ladder of its escalations; null if there is none: operations are paged."
    )
    others: list[OtherPolicyOut] = Field(description="All other policies, by id.")


@router.post("/sla-policies/match")
async def match_contact(
    facts: Annotated[ContactFacts, Body()], database: EscalationDatabase, _caller: StaffUser
) -> PolicyMatchOut:
    """Tell which policy a contact would get that comes in now, and why not the others.

    It changes nothing. The policy with most matching keys applies, then one that names the
    language itself, then the first by id.
    """
    async with transaction(database) as uow:
        configuration = await uow.settings.in_force()
    contact = ContactDetails(**facts.model_dump(), customer=None, subject="", received_at=uow.now)
    match = match_policy(configuration, contact)
    policy = match.policy
    calendar = configuration.calendar_for(policy.body, contact) if policy else None
    ladder = configuration.ladder_for(policy.body.ladder_id if policy else None)
    return PolicyMatchOut(
        policy=policy and SettingRef.model_validate(policy.ref),
        calendar=calendar and SettingRef.model_validate(calendar.ref),
        ladder_id=ladder.id or None,
        others=[OtherPolicyOut.model_validate(other) for other in match.others],
    )


class PreviewQuery(RequestModel):
    at: Instant | None = Field(None, description="now if not given; not in the past")
    representative_id: StaffId | None = Field(
        None, description="whose reporting line counts; without it such a rule finds nobody"
    )
    team_id: SettingId | None = Field(None, description="the contact's team")


class PersonAskedOut(Out):
    person_id: PersonId = Field(description="Who would be asked.")
    reason: str = Field(description="The rule of the level that finds the person.")


class LevelPreviewOut(Out):
    level: int = Field(description="The number of the level, from 0.")
    name: str = Field(description="Its name.")
    ask: str = Field(description="`all` at once, or `in_turn`, one after another.")
    acknowledge_within_s: float = Field(description="Seconds that they have to answer.")
    people: list[PersonAskedOut] = Field(
        description="Who would be asked, in this order; the level is passed at once if nobody is."
    )
    skipped: list[str] = Field(description="Who would not be asked, and why.")


class LadderPreviewOut(Out):
    model_config = with_examples(LADDER_PREVIEW)

    ladder: SettingRef = Field(description="The ladder.")
    at: datetime = Field(description="The instant of the answer.")
    levels: list[LevelPreviewOut] = Field(description="Its levels, lowest first.")


@router.get("/ladders/{setting_id}/who", responses=refusals(SettingNotFoundError))
async def show_people_asked(
    setting_id: LadderPath,
    query: Annotated[PreviewQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
) -> LadderPreviewOut:
    """Show who would be asked at each level, now or at a later instant, and who is skipped and why.

    By the settings as they are now. People whom a complaint is about are left out only for the
    contact it concerns.
    """
    async with transaction(database) as uow:
        ladder = await get_or_404(Ladder, setting_id, uow)
        configuration, now = await uow.settings.in_force(), uow.now
    if query.at is not None and query.at < now:
        detail = "It is past: GET /v1/duty-schedules/{id}/on-duty tells who was on duty then."
        raise invalid(("query/at", detail))
    at = query.at or now
    team_id = None if query.team_id is None else TeamId(query.team_id)
    shown = preview(configuration, ladder.body, at, query.representative_id, team_id)
    return LadderPreviewOut(
        ladder=SettingRef.model_validate(ladder.ref),
        at=at,
        levels=[
            LevelPreviewOut(
                level=each.level,
                name=level.name,
                ask=level.ask,
                acknowledge_within_s=level.acknowledge_within_s,
                people=[PersonAskedOut.model_validate(person) for person in each.people],
                skipped=list(each.skipped),
            )
            for each, level in zip(shown, ladder.body.levels, strict=True)
        ],
    )


class ConfigurationProblemOut(Out):
    model_config = with_examples(CONFIGURATION_PROBLEM)

    code: ProblemCode = Field(description="Names the kind of problem.")
    kind: str = Field(
        description="The kind of setting, as in its path; `people`, `recipients` or `queues` for "
        "what other services keep."
    )
    setting_id: str = Field(description="The setting; empty if it concerns all of the kind.")
    place: str = Field(description="The place in the setting; empty if it concerns all of it.")
    detail: str = Field(description="What is wrong, in words.")


@router.get("/configuration/problems")
async def list_problems(
    database: EscalationDatabase, _caller: SupervisorUser
) -> Page[ConfigurationProblemOut]:
    """List what is wrong with the settings in force together, all on one page.

    Each setting was valid when it was put; people who leave, absences and other settings change
    that since. Gaps in duty are those of the next seven days. It also lists who may be paged and
    has no contact method (`no-contact-method`), and the topics of policies and of open contacts
    that no active representative serves (`topic-not-served`); their contacts go to the fallback
    queue.
    """
    async with transaction(database) as uow:
        configuration, now = await uow.settings.in_force(), uow.now
        staff = await uow.staff.read()
    problems = await asyncio.to_thread(
        lambda: list(configuration_problems(configuration, staff, now))
    )
    items = [ConfigurationProblemOut.model_validate(problem) for problem in problems]
    return Page(items=items, next_cursor=None)
