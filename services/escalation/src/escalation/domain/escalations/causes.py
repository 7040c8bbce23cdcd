"""Causes: which contacts have one by a rule, what outlives the contact, how they add up."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from common.contracts.complaints import ComplaintJudged
from common.contracts.contacts import FeedbackReceived
from common.contracts.escalations import SEVERITIES, Cause, EscalationsOwnEvent, Severity
from common.contracts.event import PersonId
from common.contracts.texts import excerpt
from escalation.domain.complaint_model import ComplaintRef
from escalation.domain.model import Escalation, EscalationCause, RuleFinding
from escalation.domain.settings.policies import ContactDetails, RepeatRule, SlaPolicy
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Situation

# More than there are kinds, so that one of each kind stays.
MAX_CAUSES: Final = 10
# Who has or had a contact, or took part in its escalation, so that the row has a bound.
MAX_PEOPLE: Final = 50
# They are about our service: they stay open when the contact ends.
OUTLIVING_CAUSES: frozenset[Cause] = frozenset(("feedback", "complaint"))


def outlives_contact(escalation: Escalation) -> bool:
    """Tell whether it stays open when the contact ends.

    Who reopened it by hand wants more than the contact's end, which may be one from before.
    """
    return escalation.reopened or any(cause.kind in OUTLIVING_CAUSES for cause in escalation.causes)


def severity_of(first: Severity, causes: Iterable[EscalationCause]) -> Severity:
    """Return the severity that these causes give, of which the first kind has `first`."""
    more = max(0, len({cause.kind for cause in causes}) - 1)
    return SEVERITIES[min(SEVERITIES.index(first) + more, len(SEVERITIES) - 1)]


def add_cause(escalation: Escalation, cause: EscalationCause) -> Escalation:
    """Add the cause; each new kind of cause raises the severity by one."""
    severity = escalation.severity
    if is_new_kind(escalation, cause):
        severity = SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]
    escalation = with_source(escalation, cause)
    return replace(
        escalation,
        causes=_with_cause(escalation.causes, cause),
        cause_count=escalation.cause_count + 1,
        severity=severity,
    )


def with_source(escalation: Escalation, cause: EscalationCause) -> Escalation:
    """Add the complaint or the colleague that the cause comes from."""
    if cause.complaint_id is not None and cause.about is not None:
        ref = ComplaintRef(cause.complaint_id, cause.about, line_managers=cause.line_managers)
        return replace(escalation, complaints=(*escalation.complaints, ref))
    return with_participants(escalation, () if cause.by is None else (cause.by,))


def with_participants(escalation: Escalation, people: Iterable[PersonId]) -> Escalation:
    participants = last_people(escalation.participants, people)
    if participants == escalation.participants:
        return escalation
    return replace(escalation, participants=participants)


def people_acting(events: Iterable[EscalationsOwnEvent]) -> Iterator[PersonId]:
    """Yield the people who act in the events, but not those who judge a complaint."""
    for event in events:
        if not isinstance(event, ComplaintJudged):
            people = (getattr(event, field, None) for field in ("by", "approved_by"))
            yield from (person for person in people if person)


def last_people(before: tuple[PersonId, ...], people: Iterable[PersonId]) -> tuple[PersonId, ...]:
    """Return each person once, the last ones of those before and these."""
    return tuple(dict.fromkeys((*before, *people)))[-MAX_PEOPLE:]


def _with_cause(
    causes: tuple[EscalationCause, ...], cause: EscalationCause
) -> tuple[EscalationCause, ...]:
    """Count a repetition at its place; add any other one at the end and keep the last ones."""
    for n, earlier in enumerate(causes):
        if _source(earlier) == _source(cause):
            return (*causes[:n], replace(cause, count=earlier.count + 1), *causes[n + 1 :])
    more = (*causes, cause)
    return more if len(more) <= MAX_CAUSES else _without_oldest(more)


def _source(cause: EscalationCause) -> tuple[object, ...]:
    return cause.kind, cause.by, cause.about, cause.clock, cause.clock_run


def _without_oldest(causes: tuple[EscalationCause, ...]) -> tuple[EscalationCause, ...]:
    """Leave out the oldest one, but no kind, and not the one that raised it."""
    kinds = [cause.kind for cause in causes]
    oldest = next(n for n, kind in enumerate(kinds) if n > 0 and kinds.count(kind) > 1)
    return causes[:oldest] + causes[oldest + 1 :]


def is_new_kind(escalation: Escalation, cause: EscalationCause) -> bool:
    return all(earlier.kind != cause.kind for earlier in escalation.causes)


def is_news(escalation: Escalation, cause: EscalationCause) -> bool:
    """Tell whether the people concerned must hear of it: of each promise, and of each other kind.

    That nobody acknowledges is no news for those who were asked to.
    """
    if cause.clock in (None, "acknowledgement"):
        return is_new_kind(escalation, cause)
    return all(_source(earlier) != _source(cause) for earlier in escalation.causes)


def repeat_rule(configuration: Configuration, contact: ContactDetails) -> RepeatRule | None:
    """Return the rule by which earlier contacts of the same customer count."""
    policy = _raising_policy(configuration, contact)
    return policy.body.raise_when.repeated if policy else None


def on_receipt(situation: Situation, contact: ContactDetails) -> tuple[EscalationCause, ...]:
    """Return the causes that a contact has as it comes in."""
    policy = _raising_policy(situation.configuration, contact)
    if policy is None:
        return ()
    rules, at = policy.body.raise_when, contact.received_at
    causes: list[EscalationCause] = []
    if rules.vip and contact.tier == "vip":
        reason = f"VIP customer (policy {policy.ref})"
        finding = RuleFinding(policy.id, policy.version)
        causes.append(EscalationCause("vip", reason, at, finding=finding))
    rule, contacts = rules.repeated, situation.earlier_contacts + 1
    if rule is not None and contacts >= rule.contacts:
        about = f" about {contact.topic}" if rule.same_topic else ""
        reason = f"{contacts} contacts{about} within {rule.within_days} d (policy {policy.ref})"
        topic = contact.topic if rule.same_topic else None
        finding = RuleFinding(policy.id, policy.version, contacts, rule.within_days, topic)
        causes.append(EscalationCause("repeated_contact", reason, at, finding=finding))
    return tuple(causes)


def _raising_policy(
    configuration: Configuration, contact: ContactDetails
) -> Versioned[SlaPolicy] | None:
    # Most configurations have no such rule: then no contact needs its policy looked up here.
    return configuration.policy_for(contact) if configuration.raises_on_receipt else None


def of_feedback(situation: Situation, event: FeedbackReceived) -> EscalationCause | None:
    """Return the cause if the score is as bad as the policy's rule says."""
    policy = situation.policy
    bound = policy.body.raise_when.feedback_at_most if policy else None
    if bound is None or event.score > bound:
        return None
    return EscalationCause(
        "feedback", excerpt(event.comment or ""), event.occurred_at, score=event.score
    )


def by_person(situation: Situation, by: PersonId, text: str) -> EscalationCause:
    return EscalationCause("manual", excerpt(text), situation.at, by=by)
