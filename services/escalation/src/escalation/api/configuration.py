"""Questions about the settings: which policy, who would be asked, and what is wrong with them."""

import asyncio
from typing import Annotated, Final

from fastapi import Body
from pydantic import Field

from common.contracts.contacts import Channel, Priority, Tier
from common.contracts.needs import ContactTopic, LanguageTag
from common.http.access import StaffUser, SupervisorUser
from common.http.app import RequestModel
from common.http.examples import CONTACT, CUSTOMER, SUPERVISOR, TEAM, with_examples
from common.http.pagination import Page
from common.http.routes import ApiRouter
from escalation.api.deps import EscalationDatabase, transaction
from escalation.api.examples import POLICY_MATCH
from escalation.api.schemas import Out, VacancyOut
from escalation.domain.configuration_problems import ProblemCode, configuration_problems
from escalation.domain.policy_match import match_policy
from escalation.domain.settings.policies import ContactDetails
from escalation.domain.types import Label, SettingId

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


_PROBLEM: Final = {
    "code": "person-missing",
    "kind": "teams",
    "setting_id": TEAM,
    "place": "supervisors/0",
    "detail": "sara has left.",
    "parameters": {"person_id": SUPERVISOR, "has_left": True},
}


class ConfigurationProblemOut(Out):
    model_config = with_examples(_PROBLEM)

    code: ProblemCode = Field(description="Names the kind of problem.")
    kind: str = Field(
        description="The kind of setting, as in its path; `people`, `recipients` or `queues` for "
        "what other services keep."
    )
    setting_id: str = Field(description="The setting; empty if it concerns all of the kind.")
    place: str = Field(description="The place in the setting; empty if it concerns all of it.")
    detail: str = Field(description="What is wrong, in words.")
    parameters: dict[str, str | int | bool | list[str] | list[VacancyOut] | None] = Field(
        description="What the words name, so that they can be said in another language. By code: "
        "`unknown-name`: `name`, `id`; `person-missing`: `person_id`, `has_left`; "
        "`policy-never-matches`: `taken_by`; `level-finds-nobody`: `level`, `level_name`, "
        "`vacancies`; `duty-gap`: `start`, `end`; `duty-gap-in-some-weeks` and "
        "`duty-overlap-in-some-weeks`: `weeks`, `other_rotation`, and `start` and `end` of the "
        "first; `override-for-absent-person` and `nobody-stands-in`: `person_id`, `start`, `end`; "
        "`no-contact-method`: "
        "`person_id`, `places`, `other_places`; `topic-not-served`: `topic`, `language`, "
        "`has_skill`, `contacts`."
    )


@router.get("/configuration/problems")
async def list_problems(
    database: EscalationDatabase, _caller: SupervisorUser
) -> Page[ConfigurationProblemOut]:
    """List what is wrong with the settings in force together, all on one page.

    Each setting was valid when it was put; people who leave, absences and other settings change
    that since. Gaps in duty are those of the next seven days. Where stand-ins are absent too and
    nobody is left, the person who is away is asked (`nobody-stands-in`). It also lists who may be
    paged and has no contact method (`no-contact-method`), and the topics of policies and of open
    contacts that no active representative serves (`topic-not-served`); their contacts go to the
    fallback queue.
    """
    async with transaction(database) as uow:
        configuration, now = await uow.settings.in_force(), uow.now
        staff = await uow.staff.read()
    problems = await asyncio.to_thread(
        lambda: list(configuration_problems(configuration, staff, now))
    )
    items = [ConfigurationProblemOut.model_validate(problem) for problem in problems]
    return Page(items=items, next_cursor=None)
