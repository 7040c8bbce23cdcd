"""What requests and answers look like."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    model_validator,
)

from common.contracts.contacts import (
    Channel,
    DiscardCause,
    InteractionEnd,
    Priority,
    QuestionAnswer,
    SurveyKind,
    SurveyScale,
    Tier,
)
from common.contracts.contract import Instant
from common.contracts.event import UUID_PATTERN, ContactId, CustomerId, PersonId, SystemName, TeamId
from common.contracts.needs import ContactTopic, LanguageTag
from common.core.text import MAX_ID_CHARACTERS, compose
from common.http.app import ExternalId, LongText, OpaqueText, RequestModel, ShortText, Slug
from common.http.examples import (
    CAMPAIGN,
    CONTACT,
    CUSTOMER,
    MAILBOX,
    OTHER_CONTACT_ID,
    REPRESENTATIVE,
    TEAM,
    TEXT,
    with_examples,
)
from common.http.pagination import Cursor, Limit
from common.http.problems import invalid
from intake.api.answers import INTERACTION_ID, SURVEY_ID
from intake.api.message_schemas import ActionIn
from intake.domain.addresses import AddressKind, StatedAddress, normalize
from intake.domain.customers import MAX_ADDRESSES, CustomerStatement
from intake.domain.model import ContactFilters, ContactState

MAX_INTERACTION = timedelta(days=1)
# Each part may have been rounded up by its system.
_ROUNDING_S = 2

ContactRef = Annotated[
    ContactId,
    StringConstraints(pattern=rf"^{UUID_PATTERN}$"),
]
# As contacts show a customer: the namespace, a colon and the id there.
CustomerRef = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2 * MAX_ID_CHARACTERS),
    AfterValidator(compose),
]
Seconds = Annotated[
    float, Field(ge=0, le=MAX_INTERACTION.total_seconds(), allow_inf_nan=False, strict=True)
]


class AddressIn(RequestModel):
    model_config = with_examples({"kind": "email", "address": MAILBOX, "verified": True})

    kind: AddressKind = Field(description="`email` or `phone`.")
    address: ShortText = Field(
        description="A mail address, or a telephone number in any usual form; without its country "
        "the setting `default_region` says it."
    )
    verified: bool = Field(
        False,
        description="You have proof that it is the customer's: they signed in with it, or answered "
        "there. It counts if the setting `proving_systems` names you.",
    )


class CustomerIn(RequestModel):
    """What you leave out, or send as null, stays as it was said before."""

    customer_id: ExternalId = Field(
        description="The customer's id in your systems: any text of one line, such as `c-81`, "
        "`jane+shop@example.com` or `+15005550006`. It is compared in Unicode's form NFC and else "
        "as it is: case counts. Other channels have other customers, unless the setting "
        "`customer_namespaces` says that you share them. It stays after an erasure."
    )
    name: ShortText | None = Field(None, description="How people call the customer.")
    tier: Tier = Field(
        "standard", description="How important the customer is; `standard` if nobody ever said."
    )
    region: ShortText | None = Field(None, description="Where the customer is, as you name it.")
    addresses: tuple[AddressIn, ...] = Field(
        (),
        max_length=MAX_ADDRESSES,
        description="Mail addresses and telephone numbers; those that you said before stay.",
    )

    def statement(self) -> CustomerStatement:
        tier = self.tier if "tier" in self.model_fields_set else None
        addresses = tuple(StatedAddress(**address.model_dump()) for address in self.addresses)
        return CustomerStatement(
            CustomerId(self.customer_id), self.name, tier, self.region, addresses
        )

    def require_addresses(self, default_region: str | None) -> None:
        """Raise ProblemError for what is no address."""
        for number, address in enumerate(self.addresses):
            stated = StatedAddress(**address.model_dump())
            if normalize(stated, default_region) is None:
                place = f"body/customer/addresses/{number}/address"
                raise invalid((place, f"It is no valid {address.kind} address or number."))


class ContactIn(RequestModel):
    model_config = with_examples(
        {
            **CONTACT,
            "customer": CUSTOMER,
            "campaign": CAMPAIGN,
            "team": TEAM,
            "text": TEXT,
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
    team: Slug | None = Field(
        None,
        description="The id of the team that it is for. Its people get it first; if nobody of them"
        " takes it in time, or there is no such team, everybody who fits may.",
    )
    text: LongText | None = Field(None, description="The customer's first message.")
    external_ref: ExternalId | None = Field(
        None,
        description="Your own id of the contact: any text of one line, compared in Unicode's form "
        "NFC. The same id again is the same contact, to which the request adds.",
    )
    follows: ContactRef | None = Field(
        None, description="An earlier contact of this customer about the same issue."
    )


class ContactQuery(RequestModel):
    """Which contacts a list shows: those to which every filter applies."""

    state: list[ContactState] = Field([], description="In one of these states.")
    customer: CustomerRef | None = Field(
        None, description="Of this customer, as contacts show the id: `channel:shop:c-81`."
    )
    external_ref: ExternalId | None = Field(None, description="With this id in its system.")
    changed_since: Instant | None = Field(
        None,
        description="Written to or changed at this time or later. Ask again from some seconds "
        "before the last answer: a change shows when it is stored, a moment after its time.",
    )
    received_from: OpaqueText | None = Field(
        None, description="From this system: `channel:shop`, `zendesk:support`."
    )
    limit: Limit = 50
    cursor: Cursor = None

    def filters(self) -> ContactFilters:
        return ContactFilters(
            states=self.state,
            customer_id=None if self.customer is None else CustomerId(self.customer),
            external_ref=self.external_ref,
            received_from=None if self.received_from is None else SystemName(self.received_from),
            changed_since=self.changed_since,
        )


class SupervisorRequestIn(RequestModel):
    model_config = with_examples({"quote": "I want to speak to a manager."})

    quote: ShortText = Field(description="How the customer asked for a supervisor.")


class QuestionAnswerIn(RequestModel):
    model_config = with_examples({"answer": "yes"})

    answer: QuestionAnswer = Field(
        description="`yes`: the customer asked for a supervisor, who is called. `no`: not so."
    )


class ResolutionIn(ActionIn):
    model_config = with_examples(
        {
            "note": "Second charge refunded; customer agrees.",
            "disposition": "refunded",
            "root_cause": "double-booking",
        }
    )

    note: LongText | None = Field(None, description="What was done.")
    disposition: Slug | None = Field(None, description="How it ended, as a code of yours.")
    root_cause: Slug | None = Field(None, description="Why it came, as a code of yours.")
    automatic: bool = Field(False, description="A bot or a rule resolved it, and no person.")


class ReopeningIn(ActionIn):
    model_config = with_examples({"reason": "The refund has not arrived."})

    reason: ShortText = Field(description="Why it is open again.")


class AbandonmentIn(ActionIn):
    model_config = with_examples({"reason": "The caller hung up in the queue."})

    reason: ShortText | None = Field(None, description="How the customer left.")


class DiscardIn(ActionIn):
    model_config = with_examples({"cause": "spam"})

    cause: DiscardCause = Field(description="Why nobody shall work on it.")


class MergeIn(ActionIn):
    model_config = with_examples({"into": OTHER_CONTACT_ID})

    into: ContactRef = Field(description="The contact of the same customer that goes on.")


class PriorityIn(ActionIn):
    model_config = with_examples({"priority": "urgent", "reason": "The parcel holds medicine."})

    priority: Priority = Field(description="How urgent it is now.")
    reason: ShortText = Field(description="Why it changes.")


class FeedbackIn(RequestModel):
    model_config = with_examples({"score": 2, "comment": "Slow."})

    score: Annotated[int, Field(ge=1, le=5, strict=True)] = Field(
        description="From 1 (very bad) to 5 (very good)."
    )
    comment: LongText | None = Field(None, description="What the customer wrote about it.")
    about: Slug | None = Field(
        None, description="Who is rated. Without it: the person who resolved the contact, if any."
    )
    team_id: Slug | None = Field(None, description="That person's team at the resolution.")


class InteractionIn(RequestModel):
    model_config = with_examples(
        {
            "interaction_id": INTERACTION_ID,
            "person_id": REPRESENTATIVE,
            "started_at": "2026-03-02T10:00:00Z",
            "ended_at": "2026-03-02T10:04:30Z",
            "talk_s": 240,
            "hold_s": 30,
            "wrap_s": 30,
            "ended_by": "customer",
        }
    )

    interaction_id: ExternalId = Field(
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
    model_config = with_examples({"survey_id": SURVEY_ID, "kind": "csat"})

    survey_id: ExternalId = Field(
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
    model_config = with_examples({"scale": "1-5", "score": 4, "comment": "Quick."})

    scale: SurveyScale = Field(description="1-5 for csat, 0-10 for nps, 0-1 (no, yes) for fcr.")
    score: Annotated[int, Field(ge=0, le=10, strict=True)] = Field(
        description="The answer on this scale."
    )
    comment: LongText | None = Field(None, description="What the customer wrote about it.")


# Some kinds have the same ones.
def person_id(value: str | None) -> PersonId | None:
    return None if value is None else PersonId(value)


def team_id(value: str | None) -> TeamId | None:
    return None if value is None else TeamId(value)
