"""Why a clock changed or an escalation ended, as data: the console writes the words."""

from typing import ClassVar, Literal

from common.contracts.contacts import DiscardCause, Priority
from common.contracts.contract import Contract
from common.contracts.event import PersonId
from common.contracts.texts import ReasonText

ChangeReasonCode = Literal[
    "contact-received",
    "contact-reopened",
    "contact-continued",
    "we-replied",
    "customer-wrote",
    "our-turn",
    "others-awaited",
    "customer-awaited",
    "customer-silent",
    "wait-over",
    "priority-changed",
    "customer-merged",
    "contact-resolved",
    "contact-abandoned",
    "contact-discarded",
    "contact-merged",
    "setting-changed",
    "setting-archived",
    "setting-released",
    "policy-promises",
    "policy-without-promise",
    "policy-archived",
    "escalation-opened",
    "escalation-ended",
    "promises-over",
]

# How an escalation ends.
EndState = Literal["handed_back", "resolved", "closed"]


class ChangeReason(Contract):
    """Why a clock changed or an escalation ended.

    `setting_id` and `version` name the policy, or the setting that was changed or archived;
    `waited_s` is for how long the customer did not answer. `person_id` resolved the contact or
    ended the escalation, whose `state` is then set. `words` are those of a person. `before` and
    `after` are the priorities of `priority-changed`.
    """

    explains: ClassVar[bool] = True

    code: ChangeReasonCode
    person_id: PersonId | None = None
    setting_id: str | None = None
    version: int | None = None
    waited_s: float | None = None
    state: EndState | None = None
    discarded_as: DiscardCause | None = None
    before: Priority | None = None
    after: Priority | None = None
    words: ReasonText | None = None
