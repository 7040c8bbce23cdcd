"""Erasure: what escalation removes of a customer. The audit trail stays as it is."""

from dataclasses import replace
from typing import Final

from msgspec import structs

from common.contracts.escalations import Cause
from common.core.erasure import ERASED
from escalation.domain.complaint_model import Complaint
from escalation.domain.model import Escalation, TrackedContact

# Their reasons are words of a rule, and not of people.
_CAUSES_OF_RULES: Final[frozenset[Cause]] = frozenset(
    {"breach", "warning", "repeated_contact", "vip"}
)


def erase_contact(contact: TrackedContact) -> TrackedContact:
    details, referral = contact.details, contact.referral
    if details is not None:
        name = None if details.customer is None else ERASED
        details = structs.replace(details, customer=name, subject=ERASED)
    if referral is not None:
        referral = structs.replace(referral, reason=ERASED)
    return structs.replace(contact, details=details, referral=referral)


def erase_complaint(complaint: Complaint) -> Complaint:
    """Erase what the customer wrote; what colleagues wrote of each other stays to be judged."""
    return complaint if complaint.by else replace(complaint, reason=ERASED)


def erase_escalation(escalation: Escalation) -> Escalation:
    causes = tuple(
        cause if cause.kind in _CAUSES_OF_RULES else replace(cause, reason=ERASED)
        for cause in escalation.causes
    )
    approval, resolution = escalation.approval, escalation.resolution
    return replace(
        escalation,
        causes=causes,
        approval=None if approval is None else replace(approval, note=ERASED),
        resolution=None if resolution is None else replace(resolution, note=ERASED),
    )
