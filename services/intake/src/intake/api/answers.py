"""What answers look like."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace
from pydantic import BaseModel, Field

from common.contracts.contacts import Channel, Priority
from common.contracts.event import ContactId, CustomerId, MessageId, PersonId, SystemName, TeamId
from common.http.examples import (
    ACTED_AT,
    CAMPAIGN,
    CHANNEL_SYSTEM,
    CONTACT,
    CONTACT_ID,
    CUSTOMER_ID,
    LEVEL,
    MESSAGE_ID,
    OTHER_CONTACT_ID,
    RAISED_AT,
    RECEIVED_AT,
    SUPERVISOR,
    TEAM,
    TEXT,
    with_examples,
)
from common.http.pagination import NextCursor
from intake.api.message_schemas import MessageOut
from intake.domain.actors import Actor
from intake.domain.escalation_mirror import visible_escalation
from intake.domain.model import Attachment, Contact, ContactState, EscalationState, Message
from intake.domain.receipts import Receipt, ReceiptOutcome
from intake.domain.supervisor_question import open_question

INTERACTION_ID = "call-7731"
SURVEY_ID = "s-204"
_CONTACT = {
    "contact_id": CONTACT_ID,
    "state": "open",
    "state_since": None,
    "merged_into": None,
    "received_from": CHANNEL_SYSTEM,
    "external_ref": None,
    "customer_id": CUSTOMER_ID,
    **CONTACT,
    "campaign": CAMPAIGN,
    "team": TEAM,
    "follows": None,
    "received_at": RECEIVED_AT,
    "changed_at": RAISED_AT,
    "resolved_at": None,
    "resolved_by": None,
    "resolution_no": 0,
    "supervisor_question": None,
    "vulnerability": [],
    "escalation": {
        "state": "acknowledged",
        "level": LEVEL,
        "by": SUPERVISOR,
        "at": RAISED_AT,
    },
}


class ContactIdOut(BaseModel):
    model_config = with_examples({"contact_id": CONTACT_ID})

    contact_id: ContactId = Field(description="The contact.")


class ContactReceiptOut(BaseModel):
    model_config = with_examples(
        {
            "contact_id": CONTACT_ID,
            "outcome": "created",
            "message_id": MESSAGE_ID,
            "supervisor_requested": False,
            "priority": CONTACT["priority"],
        }
    )

    contact_id: ContactId = Field(description="The contact.")
    outcome: ReceiptOutcome = Field(
        description="`created`: it is new. `added`: it was known by its `external_ref`, and text "
        "or priority were added. `unchanged`: it was known, and all of this as well."
    )
    message_id: MessageId | None = Field(
        description="The message that was added; null without a text, or if the text was there."
    )
    supervisor_requested: bool = Field(
        description="The text that was added asks for a supervisor, who is called."
    )
    priority: Priority = Field(description="The priority that the contact has now.")

    @classmethod
    def of(cls, receipt: Receipt) -> "ContactReceiptOut":
        return cls(
            contact_id=receipt.contact_id,
            outcome=receipt.outcome,
            message_id=receipt.message_id,
            supervisor_requested=receipt.supervisor_requested,
            priority=receipt.priority,
        )


class MessageIdOut(BaseModel):
    model_config = with_examples({"message_id": MESSAGE_ID})

    message_id: MessageId = Field(description="The message.")


class CustomerErasureOut(BaseModel):
    model_config = with_examples(
        {"customer_id": CUSTOMER_ID, "contacts": 1, "erasure_id": OTHER_CONTACT_ID}
    )

    customer_id: CustomerId = Field(description="The customer.")
    contacts: int = Field(description="How many contacts were erased, with those of merged ids.")
    erasure_id: str = Field(description="The record of this erasure, in `GET /v1/erasures`.")


class HistoryEntryOut(BaseModel):
    model_config = with_examples(
        {
            "event_id": "evt-4711",
            "field": "state",
            "value": "resolved",
            "at": ACTED_AT,
            "applied": True,
        }
    )

    event_id: str = Field(description="The event of the outside system.")
    field: str = Field(description="What it changed: `state` or `priority`.")
    value: str = Field(description="The value that it reported.")
    at: datetime = Field(description="When it happened there.")
    applied: bool = Field(description="False: something newer was known, so it changed nothing.")


class InteractionIdOut(BaseModel):
    model_config = with_examples({"contact_id": CONTACT_ID, "interaction_id": INTERACTION_ID})

    contact_id: ContactId = Field(description="The contact.")
    interaction_id: str = Field(description="The call or chat.")


class SurveyIdOut(BaseModel):
    model_config = with_examples({"contact_id": CONTACT_ID, "survey_id": SURVEY_ID})

    contact_id: ContactId = Field(description="The contact.")
    survey_id: str = Field(description="The survey.")


class AppliedEventOut(BaseModel):
    contact_id: ContactId = Field(description="The contact that the event is about.")
    repeated: bool = Field(description="The event was taken before; nothing was done now.")


class DeliveryOut(BaseModel):
    model_config = with_examples(
        {"results": [{"contact_id": CONTACT_ID, "repeated": False}], "kept": False}
    )

    results: list[AppliedEventOut] = Field(description="One for each event of the delivery.")
    kept: bool = Field(
        description="The delivery could not be read or applied. It is a dead letter, with the "
        "reason, and waits for an admin."
    )


class EscalationOut(BaseModel):
    state: EscalationState = Field(description="The last thing that happened to the escalation.")
    level: str | None = Field(description="The level of the ladder, by its name.")
    by: PersonId | None = Field(
        description="Who did it: a person, or a system as `admin:ops`; null if nobody."
    )
    at: datetime = Field(description="When it happened.")


class SupervisorQuestionOut(BaseModel):
    message_id: MessageId = Field(description="The customer's message that may ask for one.")
    quote: str = Field(description="Its beginning.")
    evidence: str = Field(description="Why it may: how sure the model is, as `model 0.74`.")
    asked_at: datetime = Field(description="Since when somebody should answer.")


class ContactSummaryOut(BaseModel):
    model_config = with_examples(_CONTACT)

    contact_id: ContactId = Field(description="The contact.")
    state: ContactState = Field(
        description="Whether it is open, or waits for the customer, or how it ended."
    )
    state_since: datetime | None = Field(
        description="When it got into this state; null while it is as it came."
    )
    merged_into: ContactId | None = Field(
        description="Where its work goes on, if it was merged and we know the other contact."
    )
    channel: Channel = Field(description="The channel by which the contact came.")
    received_from: SystemName = Field(
        description="The system that sent it: `channel:shop`, `zendesk:support`."
    )
    external_ref: str | None = Field(description="Its id in that system, if any.")
    customer_id: CustomerId = Field(
        description="The customer: the id in that system, after the system's name and a colon. "
        "`GET /v1/customers/{customer_id}` says who is the same person."
    )
    subject: str = Field(description="What it is about, in one line.")
    topic: str = Field(description="The topic, in small letters.")
    language: str = Field(description="The customer's language by BCP 47; `und` if not known.")
    priority: Priority = Field(description="How urgent it is.")
    campaign: str | None = Field(description="What made many customers contact us, if known.")
    team: TeamId | None = Field(description="The team that it is for, if the channel says one.")
    follows: ContactId | None = Field(
        description="An earlier contact about the same issue: the channel names it, or it is the "
        "customer's latest one of the topic."
    )
    received_at: datetime = Field(description="When it came to us.")
    changed_at: datetime = Field(
        description="When it was last written to or changed. An escalation that its representative "
        "may not know of does not count."
    )
    resolved_at: datetime | None = Field(description="When it was resolved; null while open.")
    resolved_by: PersonId | None = Field(description="Who resolved it, if a person did.")
    resolution_no: int = Field(description="How often it was resolved.")
    supervisor_question: SupervisorQuestionOut | None = Field(
        description="Did the customer ask for a supervisor? `answer-supervisor-question` takes the "
        "answer; null if there is nothing to answer."
    )
    vulnerability: list[str] = Field(
        description="Why the customer needs care, as their words say: `illness`, `debt`, `danger`. "
        "Empty for channels. Nothing is decided by it."
    )
    escalation: EscalationOut | None = Field(description="Its escalation; null if there is none.")


class ContactOut(ContactSummaryOut):
    model_config = with_examples(
        {
            **_CONTACT,
            "messages": [
                {
                    "message_id": MESSAGE_ID,
                    "author": "customer",
                    "person_id": None,
                    "reported_by": CHANNEL_SYSTEM,
                    "text": TEXT,
                    "at": RECEIVED_AT,
                    "automatic": False,
                    "internal": False,
                    "external_id": None,
                    "attachments": [],
                }
            ],
            "next_cursor": None,
        }
    )

    messages: list[MessageOut] = Field(description="A page of the conversation, oldest first.")
    next_cursor: NextCursor


_MESSAGE_FIELDS = MessageOut.model_fields.keys() - {"attachments"}


def message_out(message: Message, attachments: Sequence[Attachment]) -> MessageOut:
    """Show a message with those of the contact's files that belong to it."""
    refs = (message.message_id, message.external_id)
    files = [file for file in attachments if file.message_ref in refs]
    fields = {name: getattr(message, name) for name in _MESSAGE_FIELDS}
    return MessageOut.model_validate({**fields, "attachments": files}, from_attributes=True)


def contact_fields(contact: Contact, actor: Actor) -> dict[str, object]:
    """Return what the actor may see of the contact, without its messages."""
    shown = replace(
        contact,
        escalation=visible_escalation(contact, actor),
        supervisor_question=open_question(contact),
    )
    if actor.reach == "received":
        # It is for those who work on the contact.
        shown = replace(shown, vulnerability=())
    return {name: getattr(shown, name) for name in ContactSummaryOut.model_fields}
