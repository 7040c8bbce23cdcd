"""Why clocks change and escalations end: in English for the audit trail, and as data for others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never

from common.contracts.change_reasons import ChangeReason, EndState
from common.contracts.contacts import (
    ContactAbandoned,
    ContactDiscarded,
    ContactPrioritized,
    ContactResolved,
    Priority,
    WaitEnd,
)
from common.core.durations import duration_text
from escalation.domain import wording
from escalation.domain.model import Escalation, EscalationState
from escalation.domain.settings.registry import Ref


@dataclass(frozen=True, slots=True)
class Reason:
    text: str
    data: ChangeReason | None = None


_ENDS: Final[Mapping[EscalationState, EndState]] = {
    "handed_back": "handed_back",
    "resolved": "resolved",
    "closed": "closed",
}
CONTACT_RECEIVED: Final = Reason("contact received", ChangeReason(code="contact-received"))
CONTACT_REOPENED: Final = Reason("contact reopened", ChangeReason(code="contact-reopened"))
CONTACT_CONTINUED: Final = Reason(
    "contact reopened; the time before counts", ChangeReason(code="contact-continued")
)
WE_REPLIED: Final = Reason("we replied", ChangeReason(code="we-replied"))
CUSTOMER_WROTE: Final = Reason("the customer wrote", ChangeReason(code="customer-wrote"))
OUR_TURN: Final = Reason("it is our turn again", ChangeReason(code="our-turn"))
OTHERS_AWAITED: Final = Reason(
    "we wait for somebody else than the customer", ChangeReason(code="others-awaited")
)
CUSTOMER_AWAITED: Final = Reason("waiting for the customer", ChangeReason(code="customer-awaited"))
WAIT_OVER: Final = Reason("the waiting is over", ChangeReason(code="wait-over"))
CUSTOMER_MERGED: Final = Reason("another customer by a merge", ChangeReason(code="customer-merged"))
CONTACT_MERGED: Final = Reason(
    "contact merged into another one", ChangeReason(code="contact-merged")
)
ESCALATION_OPENED: Final = Reason("escalation open", ChangeReason(code="escalation-opened"))


def wait_ended(cause: WaitEnd) -> Reason:
    match cause:
        case "customer_wrote":
            return CUSTOMER_WROTE
        case "representative_replied":
            return WE_REPLIED
        case "opened":
            return OUR_TURN
        case "on_hold":
            return OTHERS_AWAITED
        case _:
            assert_never(cause)


def customer_silent(waited: timedelta) -> Reason:
    return Reason(
        f"the customer has not answered for {duration_text(waited)}",
        ChangeReason(code="customer-silent", waited_s=waited.total_seconds()),
    )


def priority_changed(before: Priority, event: ContactPrioritized) -> Reason:
    """Say it with the words of the person; those of a rule are in English."""
    return Reason(
        f"priority {before} became {event.priority}: {event.reason}",
        ChangeReason(
            code="priority-changed",
            before=before,
            after=event.priority,
            person_id=event.by,
            words=event.reason if event.by else None,
        ),
    )


def contact_resolved(event: ContactResolved) -> Reason:
    by = f" by {event.by}" if event.by else ""
    data = ChangeReason(code="contact-resolved", person_id=event.by)
    return Reason(f"contact resolved{by}", data)


def contact_abandoned(event: ContactAbandoned) -> Reason:
    """Say it with the words of the person; those of a channel are often intake's, in English."""
    why = f": {event.reason}" if event.reason else ""
    words = event.reason or None
    data = ChangeReason(code="contact-abandoned", words=words if event.by else None)
    return Reason(f"contact abandoned{why}", data)


def contact_discarded(event: ContactDiscarded) -> Reason:
    data = ChangeReason(code="contact-discarded", discarded_as=event.cause)
    return Reason(f"contact discarded: {event.cause}", data)


def setting_changed(kind: str, setting_id: str) -> Reason:
    data = ChangeReason(code="setting-changed", setting_id=setting_id)
    return Reason(f"{kind} {setting_id} was changed", data)


def setting_archived(setting_id: str) -> Reason:
    data = ChangeReason(code="setting-archived", setting_id=setting_id)
    return Reason(f"{setting_id} was archived", data)


def setting_released(setting_id: str) -> Reason:
    return Reason(
        f"{setting_id} was archived, and its open contacts were released",
        ChangeReason(code="setting-released", setting_id=setting_id),
    )


def policy_promises(policy: Ref) -> Reason:
    data = ChangeReason(code="policy-promises", setting_id=policy.id, version=policy.version)
    return Reason(f"policy {policy} promises it", data)


def policy_without_promise(policy: Ref) -> Reason:
    return Reason(
        f"policy {policy} does not promise it",
        ChangeReason(code="policy-without-promise", setting_id=policy.id, version=policy.version),
    )


def policy_archived(policy: Ref) -> Reason:
    return Reason(
        f"policy {policy} was archived, and no other promises it",
        ChangeReason(code="policy-archived", setting_id=policy.id, version=policy.version),
    )


def escalation_ended(escalation: Escalation) -> Reason:
    return Reason(
        f"escalation {wording.state(escalation)}",
        ChangeReason(
            code="escalation-ended", state=_ENDS.get(escalation.state), person_id=escalation.holder
        ),
    )


def promises_over(text: str) -> Reason:
    """Return why an escalation ends whose promises were kept, made up for or withdrawn."""
    return Reason(text, ChangeReason(code="promises-over"))
