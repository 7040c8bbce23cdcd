"""Causes: which contacts have one by a rule, which outlive the contact, how they add up."""

from dataclasses import replace

from common.contracts.contacts import FeedbackReceived
from common.contracts.escalations import Cause, Severity
from common.contracts.event import PersonId
from escalation.domain.model import Escalation, EscalationCause
from escalation.domain.settings.policies import ContactDetails, RepeatRule, SlaPolicy
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Situation

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
# They are about our service: they stay open when the contact ends.
OUTLIVING_CAUSES: frozenset[Cause] = frozenset(("feedback", "complaint"))


def outlives_contact(escalation: Escalation) -> bool:
    """Tell whether it stays open when the contact ends."""
    return any(cause.kind in OUTLIVING_CAUSES for cause in escalation.causes)


def add_cause(escalation: Escalation, cause: EscalationCause) -> Escalation:
    """Add the cause; each new kind of cause raises the severity by one."""
    severity = escalation.severity
    if is_new_kind(escalation, cause):
        severity = _SEVERITIES[min(_SEVERITIES.index(severity) + 1, len(_SEVERITIES) - 1)]
    return replace(escalation, causes=(*escalation.causes, cause), severity=severity)


def is_new_kind(escalation: Escalation, cause: EscalationCause) -> bool:
    return all(earlier.kind != cause.kind for earlier in escalation.causes)


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
        causes.append(EscalationCause("vip", f"VIP customer (policy {policy.ref})", at))
    rule, contacts = rules.repeated, situation.earlier_contacts + 1
    if rule is not None and contacts >= rule.contacts:
        about = f" about {contact.topic}" if rule.same_topic else ""
        reason = f"{contacts} contacts{about} within {rule.within_days} d (policy {policy.ref})"
        causes.append(EscalationCause("repeated_contact", reason, at))
    return tuple(causes)


def _raising_policy(
    configuration: Configuration, contact: ContactDetails
) -> Versioned[SlaPolicy] | None:
    # Most configurations have no such rule: then no contact needs its policy looked up here.
    return configuration.policy_for(contact) if configuration.raises_on_receipt else None


def of_feedback(situation: Situation, event: FeedbackReceived) -> EscalationCause | None:
    policy = situation.policy
    bound = policy.body.raise_when.feedback_at_most if policy else None
    if bound is None or event.score > bound:
        return None
    return EscalationCause("feedback", event.comment or "", event.occurred_at, score=event.score)


def by_person(
    situation: Situation, by: PersonId, text: str, about: PersonId | None
) -> EscalationCause:
    """Return a complaint if it is `about` a representative."""
    kind: Cause = "manual" if about is None else "complaint"
    return EscalationCause(kind, text, situation.at, by=by, about=about)
