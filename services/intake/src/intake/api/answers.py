"""What answers look like."""

from datetime import datetime

from pydantic import BaseModel, Field

from common.contracts.contacts import Channel, Priority
from common.contracts.event import ContactId, CustomerId, MessageId, PersonId, SystemName
from common.http.pagination import NextCursor, Page
from intake.domain.model import Author, ContactState, EscalationState
from intake.domain.receipts import ReceiptOutcome


class ContactIdOut(BaseModel):
    contact_id: ContactId = Field(description="The contact.")


class ContactReceiptOut(BaseModel):
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


class MessageIdOut(BaseModel):
    message_id: MessageId = Field(description="The message.")


class CustomerErasureOut(BaseModel):
    customer_id: CustomerId = Field(description="The customer.")
    contacts: int = Field(description="How many contacts the customer has.")


class InteractionIdOut(BaseModel):
    contact_id: ContactId = Field(description="The contact.")
    interaction_id: str = Field(description="The call or chat.")


class SurveyIdOut(BaseModel):
    contact_id: ContactId = Field(description="The contact.")
    survey_id: str = Field(description="The survey.")


class AppliedEventOut(BaseModel):
    contact_id: ContactId = Field(description="The contact that the event is about.")
    repeated: bool = Field(description="The event was taken before; nothing was done now.")


class DeliveryOut(BaseModel):
    results: list[AppliedEventOut] = Field(description="One for each event of the delivery.")
    kept: bool = Field(
        description="The delivery could not be read or applied. It is a dead letter, with the "
        "reason, and waits for an admin."
    )


class MessageOut(BaseModel):
    message_id: MessageId = Field(description="The message.")
    author: Author = Field(description="Who wrote it.")
    person_id: PersonId | None = Field(description="The representative, if known.")
    reported_by: SystemName | None = Field(
        description="The system that says so, as `channel:shop`; null if the person wrote it here."
    )
    text: str = Field(description="The message.")
    at: datetime = Field(description="When it came to us.")
    automatic: bool = Field(description="A bot or a rule wrote it, and no person.")


class EscalationOut(BaseModel):
    state: EscalationState = Field(description="The last thing that happened to the escalation.")
    level: str | None = Field(description="The level of the ladder, by its name.")
    by: PersonId | None = Field(description="Who did it, if a person did.")
    at: datetime = Field(description="When it happened.")


class ContactSummaryOut(BaseModel):
    contact_id: ContactId = Field(description="The contact.")
    state: ContactState = Field(description="Whether it is open, waiting, resolved or abandoned.")
    channel: Channel = Field(description="The channel by which the contact came.")
    received_from: SystemName = Field(
        description="The system that sent it: `channel:shop`, `zendesk:support`."
    )
    external_ref: str | None = Field(description="Its id in that system, if any.")
    customer_id: CustomerId = Field(
        description="The customer: the id in that system, after the system's name and a colon."
    )
    subject: str = Field(description="What it is about, in one line.")
    topic: str = Field(description="The topic, in small letters.")
    language: str = Field(description="The customer's language by BCP 47; `und` if not known.")
    priority: Priority = Field(description="How urgent it is.")
    campaign: str | None = Field(description="What made many customers contact us, if known.")
    follows: ContactId | None = Field(description="An earlier contact about the same issue.")
    received_at: datetime = Field(description="When it came to us.")
    changed_at: datetime = Field(description="When it was last written to or changed.")
    resolved_at: datetime | None = Field(description="When it was resolved; null while open.")
    resolved_by: PersonId | None = Field(description="Who resolved it, if a person did.")
    resolution_no: int = Field(description="How often it was resolved.")
    escalation: EscalationOut | None = Field(description="Its escalation; null if there is none.")


class ContactOut(ContactSummaryOut):
    messages: list[MessageOut] = Field(description="A page of the conversation, oldest first.")
    next_cursor: NextCursor


class ContactPage(Page[ContactSummaryOut]):
    pass
