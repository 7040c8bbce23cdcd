"""What requests and answers look like."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from common.contracts.contacts import (
    Channel,
    InteractionEnd,
    Priority,
    SurveyKind,
    SurveyScale,
    Tier,
)
from common.contracts.event import (
    ID_PATTERN,
    UUID_PATTERN,
    ContactId,
    CustomerId,
    Instant,
    MessageId,
    PersonId,
    SystemName,
    TeamId,
)
from common.contracts.needs import ContactTopic, LanguageTag
from common.http.app import LongText, OpaqueText, RequestModel, ShortText, Slug
from common.http.pagination import NextCursor
from intake.channels.registry import CHANNELS
from intake.domain.model import Author, ContactState, EscalationState

MAX_INTERACTION = timedelta(days=1)
# Each part may have been rounded up by its system.
_ROUNDING_S = 2

ContactRef = Annotated[
    ContactId,
    StringConstraints(pattern=rf"^{UUID_PATTERN}$"),
]
Seconds = Annotated[
    float, Field(ge=0, le=MAX_INTERACTION.total_seconds(), allow_inf_nan=False, strict=True)
]


class CustomerIn(RequestModel):
    customer_id: Slug = Field(
        description="The customer's id in your systems. Other channels have other customers, "
        "unless the setting `customer_namespaces` says that you share them."
    )
    name: ShortText | None = Field(None, description="How people call the customer.")
    tier: Tier = Field("standard", description="How important the customer is.")
    region: ShortText | None = Field(None, description="Where the customer is, as you name it.")


class ContactIn(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channel": "chat",
                    "customer": {"customer_id": "c-81", "name": "Ada Lovelace", "tier": "premium"},
                    "subject": "Charged twice in March",
                    "topic": "billing",
                    "language": "en",
                    "priority": "high",
                    "campaign": "spring-sale",
                    "text": "I see the same invoice twice on my card.",
                }
            ]
        }
    )

    channel: Channel = Field(description="The channel by which the contact came.")
    customer: CustomerIn = Field(description="The customer.")
    subject: ShortText = Field(description="What it is about, in one line.")
    topic: ContactTopic = Field(
        description="The topic, in any case; queues, skills and policies go by it."
    )
    language: LanguageTag = Field(
        "en",
        description="The customer's language by BCP 47, as `en` or `pt-BR`, in any case. `pt-BR`"
        " goes to representatives with `pt-BR`, `pt` or, if there is none, `pt-PT`.",
    )
    priority: Priority = Field("normal", description="How urgent it is.")
    campaign: Slug | None = Field(
        None,
        description="What made many customers contact you: an advertisement, a product recall.",
    )
    text: LongText | None = Field(None, description="The customer's first message.")
    external_ref: OpaqueText | None = Field(
        None,
        description="Your own id of the contact. The same id again returns the same contact.",
    )
    follows: ContactRef | None = Field(
        None, description="An earlier contact of this customer about the same issue."
    )


class ActionIn(RequestModel):
    """What a person did; a channel may report it."""

    person_id: Annotated[PersonId, StringConstraints(pattern=f"^{ID_PATTERN}$")] | None = Field(
        None,
        description="Who did it, if a person did and a channel reports it. "
        "With a key of their own, people act as themselves.",
    )


class MessageIn(ActionIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"author": "customer", "text": "Let me talk to your supervisor."}]
        }
    )

    author: Author = Field(description="Who wrote it. Only a channel speaks for the customer.")
    text: LongText = Field(description="The message.")
    automatic: bool = Field(
        False,
        description="A bot or a rule wrote it for you, and no person: no first human response.",
    )

    @model_validator(mode="after")
    def _customers_are_people(self) -> Self:
        if self.author == "customer" and (self.automatic or self.person_id):
            raise ValueError("a customer's message can't be automatic or have a person_id")
        return self


class SupervisorRequestIn(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"quote": "I want to speak to a manager."}]}
    )

    quote: ShortText = Field(description="How the customer asked for a supervisor.")


class ResolutionIn(ActionIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "note": "Second charge refunded; customer agrees.",
                    "disposition": "refunded",
                    "root_cause": "double-booking",
                }
            ]
        }
    )

    note: LongText | None = Field(None, description="What was done.")
    disposition: Slug | None = Field(None, description="How it ended, as a code of yours.")
    root_cause: Slug | None = Field(None, description="Why it came, as a code of yours.")
    automatic: bool = Field(False, description="A bot or a rule resolved it, and no person.")


class ReopeningIn(ActionIn):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The refund has not arrived."}]}
    )

    reason: ShortText = Field(description="Why it is open again.")


class AbandonmentIn(ActionIn):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The caller hung up in the queue."}]}
    )

    reason: ShortText | None = Field(None, description="How the customer left.")


class PriorityIn(ActionIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"priority": "urgent", "reason": "The parcel holds medicine."}]
        }
    )

    priority: Priority = Field(description="How urgent it is now.")
    reason: ShortText = Field(description="Why it changes.")


class FeedbackIn(RequestModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"score": 2, "comment": "Slow."}]})

    score: Annotated[int, Field(ge=1, le=5, strict=True)] = Field(
        description="From 1 (very bad) to 5 (very good)."
    )
    comment: LongText | None = Field(None, description="What the customer wrote about it.")
    about: Slug | None = Field(
        None, description="Who is rated. Without it: the person who resolved the contact, if any."
    )
    team_id: Slug | None = Field(None, description="That person's team at the resolution.")


class InteractionIn(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "interaction_id": "call-7731",
                    "person_id": "rita",
                    "started_at": "2026-03-02T10:00:00Z",
                    "ended_at": "2026-03-02T10:04:30Z",
                    "talk_s": 240,
                    "hold_s": 30,
                    "wrap_s": 30,
                    "ended_by": "customer",
                }
            ]
        }
    )

    interaction_id: Slug = Field(
        description="Your id of the call or chat. The same id again changes nothing."
    )
    person_id: Slug = Field(description="The representative who had the call or chat.")
    started_at: Instant = Field(description="When the conversation started.")
    ended_at: Instant = Field(description="When the conversation ended; wrap-up follows.")
    talk_s: Seconds = Field(description="Seconds in conversation.")
    hold_s: Seconds = Field(0, description="Seconds in which the customer was on hold.")
    wrap_s: Seconds = Field(0, description="Seconds of work after the conversation.")
    ended_by: InteractionEnd = Field(description="Who or what ended the conversation.")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        duration = self.ended_at - self.started_at
        if not timedelta(0) <= duration <= MAX_INTERACTION:
            raise ValueError("ended_at must be up to 24 hours after started_at")
        if self.talk_s + self.hold_s > duration.total_seconds() + _ROUNDING_S:
            raise ValueError("talk_s and hold_s must fit between started_at and ended_at")
        return self


class SurveyIn(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"survey_id": "s-204", "kind": "csat"}]}
    )

    survey_id: Slug = Field(
        description="Your id of the survey. The same id again for this contact changes nothing."
    )
    kind: SurveyKind = Field(
        description="What is asked: csat (satisfied, 1-5), nps (would recommend, 0-10), "
        "fcr (solved in one contact, 0-1)."
    )
    person_id: Slug | None = Field(
        None,
        description="Who is rated. Without it: the person who gave the resolution, if known; "
        "for nps nobody.",
    )
    team_id: Slug | None = Field(None, description="That person's team at the resolution.")
    resolution_no: Annotated[int, Field(ge=1, strict=True)] | None = Field(
        None, description="Which resolution is asked about, from 1. Without it: the latest."
    )


class SurveyAnswerIn(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scale": "1-5", "score": 4, "comment": "Quick."}]}
    )

    scale: SurveyScale = Field(description="1-5 for csat, 0-10 for nps, 0-1 (no, yes) for fcr.")
    score: Annotated[int, Field(ge=0, le=10, strict=True)] = Field(
        description="The answer on this scale."
    )
    comment: LongText | None = Field(None, description="What the customer wrote about it.")


class ConnectionIn(RequestModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "secret": "new-signing-secret,old-signing-secret",
                    "options": {
                        "topic": "general",
                        "topic_by_tag": {"invoice": "billing"},
                        "language_by_tag": {"lang_es": "es"},
                        "campaign_by_tag": {"recall_7": "recall-7"},
                    },
                }
            ]
        }
    )

    secret: OpaqueText = Field(
        description="The secret with which the outside system signs. While you change it there, "
        "send the new and the old one, separated by a comma: both are valid."
    )
    options: Annotated[
        dict[str, Any],
        WithJsonSchema(
            {"anyOf": [channel.options.model_json_schema() for channel in CHANNELS.values()]}
        ),
    ] = Field(default_factory=dict, description="The options of this kind of channel.")


class ContactIdOut(BaseModel):
    contact_id: ContactId = Field(description="The contact.")


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


class ContactOut(BaseModel):
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
    resolved_at: datetime | None = Field(description="When it was resolved; null while open.")
    resolved_by: PersonId | None = Field(description="Who resolved it, if a person did.")
    resolution_no: int = Field(description="How often it was resolved.")
    escalation: EscalationOut | None = Field(description="Its escalation; null if there is none.")
    messages: list[MessageOut] = Field(description="A page of the conversation, oldest first.")
    next_cursor: NextCursor


def person_id(value: str | None) -> PersonId | None:
    return None if value is None else PersonId(value)


def team_id(value: str | None) -> TeamId | None:
    return None if value is None else TeamId(value)
