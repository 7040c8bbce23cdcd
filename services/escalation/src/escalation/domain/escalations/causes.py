"""What takes a contact upstairs beside its promises and those who ask for it."""

from common.contracts.contacts import FeedbackReceived
from common.contracts.event import PersonId
from escalation.domain.clocks.schedule import policy_in_force
from escalation.domain.model import EscalationCause
from escalation.domain.settings.policies import ContactDetails, RepeatRule, SlaPolicy
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Situation


def repetition(configuration: Configuration, contact: ContactDetails) -> RepeatRule | None:
    """Return the rule by which earlier contacts of the same customer count."""
    policy = _raising(configuration, contact)
    return policy.body.raise_when.repeated if policy else None


def on_receipt(situation: Situation, contact: ContactDetails) -> tuple[EscalationCause, ...]:
    """Return what takes it upstairs as it comes in."""
    policy = _raising(situation.configuration, contact)
    if policy is None:
        return ()
    rules, reasons = policy.body.raise_when, []
    if rules.vip and contact.tier == "vip":
        text = f"VIP customer (policy {policy.ref})"
        reasons.append(EscalationCause(kind="vip", reason=text, at=contact.received_at))
    rule, contacts = rules.repeated, situation.earlier_contacts + 1
    if rule is not None and contacts >= rule.contacts:
        about = f" about {contact.topic}" if rule.same_topic else ""
        text = f"{contacts} contacts{about} within {rule.within_days} d (policy {policy.ref})"
        reasons.append(
            EscalationCause(kind="repeated_contact", reason=text, at=contact.received_at)
        )
    return tuple(reasons)


def _raising(configuration: Configuration, contact: ContactDetails) -> Versioned[SlaPolicy] | None:
    # Of most contacts nobody need ask which policy it is.
    return configuration.policy_for(contact) if configuration.raises_on_receipt else None


def of_feedback(situation: Situation, event: FeedbackReceived) -> EscalationCause | None:
    policy = policy_in_force(situation)
    bound = policy.body.raise_when.feedback_at_most if policy else None
    if bound is None or event.score > bound:
        return None
    comment = f': "{event.comment}"' if event.comment else ""
    return EscalationCause(
        kind="feedback", reason=f"Feedback {event.score} of 5{comment}", at=event.occurred_at
    )


def by_hand(
    situation: Situation, by: PersonId, text: str, about: PersonId | None
) -> EscalationCause:
    if about is None:
        return EscalationCause(kind="manual", reason=f"{by}: {text}", at=situation.at, by=by)
    return EscalationCause(
        kind="complaint",
        reason=f"Complaint about {about}, told by {by}: {text}",
        at=situation.at,
        by=by,
        about=about,
    )
