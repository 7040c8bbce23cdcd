"""Request and response bodies."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from common.contracts.event import ContactId, PersonId, TeamId
from common.contracts.needs import ContactTopic, LanguageTag
from common.contracts.people import Position, Presence
from common.http.app import RequestModel, ShortText, Slug
from common.http.contact_methods import (
    EmailMethod,
    SlackMethod,
    SmsMethod,
    VoiceMethod,
    WhatsAppMethod,
    require_each_medium_once,
)
from common.http.examples import (
    ACTED_AT,
    ASSIGNED_AT,
    CONTACT_ID,
    PEOPLE,
    RECEIVED_AT,
    REPRESENTATIVE,
    contact_method,
    with_examples,
)
from common.http.pagination import NextCursor
from router.api.adjustment_schemas import AdjustmentOut
from router.api.queue_schemas import QUEUE
from router.domain.assignments import State
from router.domain.staffing.representatives import NEW_WORKLOAD

_ENTRY: Final = PEOPLE[REPRESENTATIVE]
_WORKLOAD: Final = {"capacity": 3, "auto_accept": False, "offer_s": 20}
_PRESENCE: Final = {"presence": "away", "reason": "lunch"}
_REPRESENTATIVE: Final = {
    "representative_id": REPRESENTATIVE,
    **{name: _ENTRY[name] for name in ("name", "team_id", "skills", "languages")},
    **_WORKLOAD,
    "usual_capacity": _WORKLOAD["capacity"],
    "active": True,
    "presence": _PRESENCE["presence"],
    "presence_reason": _PRESENCE["reason"],
    "presence_since": ACTED_AT,
    "load": 1,
    "free_slots": 0,
    "idle_since": ASSIGNED_AT,
}
_REFERRAL: Final = "Wants a credit above my limit, very angry."
_ASSIGNMENT: Final = {
    "contact_id": CONTACT_ID,
    "state": "assigned",
    "since": ASSIGNED_AT,
    "queue": QUEUE,
    "unserved_queue": None,
    "team_id": None,
    "waits_for_team": False,
    "representative_id": REPRESENTATIVE,
    "reason": "rita has been free longest.",
    "waiting_since": RECEIVED_AT,
    "declined_by": ["bruno"],
    "referral": _REFERRAL,
    "supervisor_id": None,
}


class PersonIn(RequestModel):
    model_config = with_examples(
        {
            **_ENTRY,
            "contact_methods": [
                contact_method(REPRESENTATIVE, "slack"),
                contact_method(REPRESENTATIVE, "email"),
            ],
        }
    )

    name: Annotated[ShortText, Field(description="Name as other people see it.")]
    roles: Annotated[
        frozenset[Position],
        Field(
            description="What the person does. A `representative` takes contacts, a `supervisor`"
            " is asked for the own team where no team setting names others. What a person may do"
            " follows from the API key and the reporting line."
        ),
    ] = frozenset()
    team_id: Annotated[Slug | None, Field(description="The team; a representative has one.")] = None
    reports_to: Annotated[
        Slug | None, Field(description="The superior; null for who is at the top.")
    ] = None
    languages: Annotated[
        frozenset[LanguageTag],
        Field(
            max_length=20,
            description="Languages to answer in by BCP 47, as `en` or `pt-BR`, in any case. `pt`"
            " covers `pt-BR`, and `pt-BR` covers `pt`.",
        ),
    ] = frozenset()
    skills: Annotated[
        frozenset[ContactTopic],
        Field(max_length=100, description="Topics of contacts to take, in any case."),
    ] = frozenset()
    active: Annotated[
        bool,
        Field(
            description="False once the person has left: no more contacts, pages or duties."
            " Offers go to others at once, assigned contacts after the same grace as when"
            " offline."
        ),
    ] = True
    contact_methods: Annotated[
        tuple[
            Annotated[
                EmailMethod | SlackMethod | SmsMethod | VoiceMethod | WhatsAppMethod,
                Field(discriminator="medium"),
            ],
            ...,
        ]
        | None,
        AfterValidator(lambda methods: methods and require_each_medium_once(methods)),
        Field(
            description="How the person is notified, each medium at most once; left out or null,"
            " that stays. Only notifier keeps it, and there a person changes the own. Notifier does"
            " not take a Slack user or a number that another recipient has:"
            " `GET /v1/recipients/{id}/changes` has it as `refused_media`, and the other methods"
            " count."
        ),
    ] = None


class PersonOut(BaseModel):
    model_config = ConfigDict(from_attributes=True) | with_examples(
        {"person_id": REPRESENTATIVE, "version": 1, **_ENTRY, "active": True}
    )

    person_id: Annotated[PersonId, Field(description="The id, the same in all services.")]
    version: Annotated[int, Field(description="Counts the changes; the ETag has it.")]
    name: Annotated[str, Field(description="Name as other people see it.")]
    roles: Annotated[tuple[Position, ...], Field(description="What the person does.")]
    team_id: Annotated[TeamId | None, Field(description="The team.")]
    reports_to: Annotated[PersonId | None, Field(description="The superior.")]
    languages: Annotated[tuple[str, ...], Field(description="Languages to answer in.")]
    skills: Annotated[tuple[str, ...], Field(description="Topics of contacts to take.")]
    active: Annotated[bool, Field(description="False once the person has left.")]


class WorkloadIn(RequestModel):
    model_config = with_examples(_WORKLOAD)

    capacity: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            strict=True,
            description="Most contacts at the same time. Above a lowered capacity assigned contacts"
            " stay, and the newest offers go to others.",
        ),
    ]
    auto_accept: Annotated[
        bool, Field(description="Assign at once; if false, each contact is an offer to answer.")
    ] = NEW_WORKLOAD.auto_accept
    offer_s: Annotated[
        int, Field(ge=1, le=3600, strict=True, description="Seconds to answer an offer.")
    ] = NEW_WORKLOAD.offer_s


class PresenceIn(RequestModel):
    model_config = with_examples(_PRESENCE)

    presence: Annotated[
        Presence,
        Field(
            description="Only `available` gets contacts. With `away` and `offline` open offers go"
            " to others at once. With `offline` assigned contacts do so too, after the grace that"
            " operations set (`UPSTAIRS_ABSENCE_GRACE_S`, 30 minutes)."
        ),
    ]
    reason: Annotated[
        ShortText | None, Field(description="Why, for example `lunch` or `training`.")
    ] = None


class RepresentativeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True) | with_examples(_REPRESENTATIVE)

    representative_id: Annotated[PersonId, Field(description="The person's id.")]
    name: Annotated[str, Field(description="Name as other people see it.")]
    team_id: Annotated[TeamId, Field(description="The team.")]
    skills: Annotated[
        tuple[str, ...], Field(description="Topics of contacts to take, as adjusted.")
    ]
    languages: Annotated[tuple[str, ...], Field(description="Languages to answer in, as adjusted.")]
    capacity: Annotated[int, Field(description="Most contacts at the same time, as adjusted.")]
    usual_capacity: Annotated[
        int, Field(description="That without an adjustment, as the workload was put.")
    ]
    auto_accept: Annotated[bool, Field(description="Whether contacts are assigned at once.")]
    offer_s: Annotated[int, Field(description="Seconds to answer an offer.")]
    active: Annotated[bool, Field(description="False for a person who left: no more contacts.")]
    presence: Annotated[Presence, Field(description="Only `available` gets contacts.")]
    presence_reason: Annotated[
        str | None, Field(description="Why; null if not said. Colleagues do not read it.")
    ]
    presence_since: Annotated[
        datetime, Field(description="When this presence with this reason began.")
    ]
    load: Annotated[int, Field(description="Contacts assigned or offered now.")]
    free_slots: Annotated[int, Field(description="How many more contacts may come now.")]
    idle_since: Annotated[
        datetime,
        Field(description="Last change of presence, or last contact that came or ended."),
    ]


class HeldContactOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    contact_id: Annotated[ContactId, Field(description="The contact.")]
    since: Annotated[datetime, Field(description="Since when it is assigned.")]


class RepresentativeStatusOut(RepresentativeOut):
    model_config = ConfigDict(from_attributes=True) | with_examples(
        {
            **_REPRESENTATIVE,
            "longest_contact": {"contact_id": CONTACT_ID, "since": ASSIGNED_AT},
            "missed_offers": 2,
            "adjustment": None,
        }
    )

    longest_contact: Annotated[
        HeldContactOut | None,
        Field(
            description="The contact that has been assigned longest; null without any."
            " Colleagues do not read it."
        ),
    ] = None
    missed_offers: Annotated[
        int | None,
        Field(
            description="How many offers expired unanswered since `missed_since`, or else since the"
            " day began in UTC. Null for colleagues."
        ),
    ] = None
    adjustment: Annotated[
        AdjustmentOut | None,
        Field(description="What is adjusted until a time; null if nothing is, or for colleagues."),
    ] = None


class DeclineIn(RequestModel):
    model_config = with_examples({"reason": "I know this customer privately."})

    reason: Annotated[ShortText, Field(description="Why you decline the offer.")]


class ReferralIn(RequestModel):
    model_config = with_examples({"reason": _REFERRAL})

    reason: Annotated[ShortText, Field(description="Why a supervisor should take the contact.")]


class ReleaseIn(RequestModel):
    model_config = with_examples({"reason": "My shift ends."})

    reason: Annotated[ShortText, Field(description="Why you give the contact back.")]


class AssignmentOut(BaseModel):
    model_config = with_examples(_ASSIGNMENT)

    contact_id: Annotated[ContactId, Field(description="The contact.")]
    state: Annotated[State, Field(description="Where the contact is.")]
    since: Annotated[datetime, Field(description="When it entered this state.")]
    queue: Annotated[
        str, Field(description="The queue: the skill and language it needs, or a fallback.")
    ]
    unserved_queue: Annotated[
        str | None,
        Field(
            description="The skill and language it needs, if no active representative has them;"
            " otherwise null. It returns to this queue as soon as somebody serves it."
        ),
    ]
    team_id: Annotated[
        TeamId | None, Field(description="The team that it is for; null if for all.")
    ]
    waits_for_team: Annotated[
        bool,
        Field(
            description="Whether people of its team alone may get it now: for as long as operations"
            " set (`UPSTAIRS_TEAM_WAIT_S`, 5 minutes), if the team has anybody for its queue."
        ),
    ]
    representative_id: Annotated[
        PersonId | None, Field(description="Who has it, or to whom it is offered; null if nobody.")
    ]
    reason: Annotated[str, Field(description="Why it is in this state.")]
    waiting_since: Annotated[
        datetime, Field(description="When the wait for a representative last began.")
    ]
    declined_by: Annotated[
        tuple[PersonId, ...],
        Field(
            description="Who declined it, did not answer in time or gave it back; they do not get"
            " it until the exclusion ends."
        ),
    ]
    referral: Annotated[
        str | None,
        Field(
            description="Why a supervisor was asked to take it; null if none, or a colleague asked."
        ),
    ]
    supervisor_id: Annotated[
        PersonId | None, Field(description="Which supervisor took it over; null if none.")
    ]


class HistoryEntry(BaseModel):
    at: Annotated[datetime, Field(description="When it happened.")]
    type: Annotated[str, Field(description="Type of the published event.")]
    text: Annotated[str, Field(description="What happened, as a sentence.")]


class AssignmentDetail(AssignmentOut):
    model_config = with_examples(
        {
            **_ASSIGNMENT,
            "history": [
                {
                    "at": RECEIVED_AT,
                    "type": "upstairs.contact_queued.v1",
                    "text": f"Queued for {QUEUE}: received",
                }
            ],
            "next_cursor": None,
        }
    )

    history: Annotated[
        list[HistoryEntry],
        Field(description="A page of what happened to the contact, oldest first."),
    ]
    next_cursor: NextCursor
