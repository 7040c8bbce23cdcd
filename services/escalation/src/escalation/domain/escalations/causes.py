"""What takes a contact upstairs beside its promises and those who ask for it."""

from common.contracts.contacts import FeedbackReceived
from common.contracts.event import PersonId
from escalation.domain.clocks.schedule import policy_in_force
from escalation.domain.model import Reason
from escalation.domain.settings.policies import Contact, Repeated, SlaPolicy
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Situation


def repetition(configuration: Configuration, contact: Contact) -> Repeated | None:
    """Return the rule by which earlier contacts of the same customer count."""
    policy = _raising(configuration, contact)
    return policy.body.raise_when.repeated if policy else None


def on_receipt(situation: Situation, contact: Contact) -> tuple[Reason, ...]:
    """Return what takes it upstairs as it comes in."""
    policy = _raising(situation.configuration, contact)
    if policy is None:
        return ()
    rules, reasons = policy.body.raise_when, []
    if rules.vip and contact.tier == "vip":
        text = f"VIP customer (policy {policy.ref})"
        reasons.append(Reason(cause="vip", text=text, at=contact.received_at))
    rule, contacts = rules.repeated, situation.earlier_contacts + 1
    if rule is not None and contacts >= rule.contacts:
        about = f" about {contact.topic}" if rule.same_topic else ""
        text = f"{contacts} contacts{about} within {rule.within_days} d (policy {policy.ref})"
        reasons.append(Reason(cause="repeated_contact", text=text, at=contact.received_at))
    return tuple(reasons)


def _raising(configuration: Configuration, contact: Contact) -> Versioned[SlaPolicy] | None:
    # Of most contacts nobody need ask which policy it is.
    return configuration.policy_for(contact) if configuration.raises_on_receipt else None


def of_feedback(situation: Situation, event: FeedbackReceived) -> Reason | None:
    policy = policy_in_force(situation)
    bound = policy.body.raise_when.feedback_at_most if policy else None
    if bound is None or event.score > bound:
        return None
    comment = f': "{event.comment}"' if event.comment else ""
    return Reason(
        cause="feedback", text=f"Feedback {event.score} of 5{comment}", at=event.occurred_at
    )


def by_hand(situation: Situation, by: PersonId, text: str, about: PersonId | None) -> Reason:
    if about is None:
        return Reason(cause="manual", text=f"{by}: {text}", at=situation.at, by=by)
    return Reason(
        cause="complaint",
        text=f"Complaint about {about}, told by {by}: {text}",
        at=situation.at,
        by=by,
        about=about,
    )
