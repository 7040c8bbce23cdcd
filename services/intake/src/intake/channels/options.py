"""The options that the connections of most kinds share: what is not said, and what tags mean."""

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Final, Literal, TypedDict, TypeVar

from pydantic import Field, StringConstraints

from common.contracts.contacts import Priority, Tier
from common.contracts.needs import ContactTopic, LanguageTag
from common.http.app import Slug
from intake.channels.base import ChannelOptions

T = TypeVar("T", bound=str)

# On hold, others than the customer delay us.
CaseState = Literal["open", "on_hold", "waiting_on_customer", "resolved", "discarded"]

# What systems call them.
PRIORITIES: Final[Mapping[str, Priority]] = {
    "low": "low",
    "medium": "normal",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
    "critical": "urgent",
}


class MappingOptions(ChannelOptions):
    """How a connection reads contacts: the first tag found in a mapping wins.

    Of a system with fields in place of tags, a tag is a field and its value, as `Origin=Web`.
    """

    topic: ContactTopic = Field(
        "general", description="The topic of a contact without a mapped tag."
    )
    language: LanguageTag = Field(
        "en", description="The language of a contact without a mapped tag, as `en` or `pt-BR`."
    )
    priority: Priority = Field(
        "normal", description="The priority of a contact for which the system states none."
    )
    team: Slug | None = Field(
        None,
        description="The team of a contact without a mapped tag; without it, contacts are for all.",
    )
    tier: Tier | None = Field(
        None, description="The tier of a customer for whom no system states one."
    )
    topic_by_tag: dict[str, ContactTopic] = Field({}, description="Which tag means which topic.")
    language_by_tag: dict[str, LanguageTag] = Field(
        {}, description="Which tag means which language."
    )
    team_by_tag: dict[str, Slug] = Field({}, description="Which tag means which team.")
    campaign_by_tag: dict[str, Slug] = Field({}, description="Which tag means which campaign.")
    priority_by_tag: dict[str, Priority] = Field(
        {}, description="Which tag means which priority, whatever the system states."
    )
    tier_by_tag: dict[str, Tier] = Field({}, description="Which tag means which tier.")
    on_hold: Literal["runs", "pauses"] = Field(
        "runs",
        description="What the status on-hold means: `runs`, because the customer waits on; or "
        "`pauses`, as if you waited for the customer.",
    )
    default_region: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(
        None,
        description="The country, by ISO 3166, of telephone numbers without one. Without it the "
        "setting `default_region` counts.",
        examples=["GB"],
    )
    bots: tuple[str, ...] = Field(
        (), description="The accounts that are no people: what they write is no reply."
    )


class WriteBackOptions(MappingOptions):
    """How a connection reads contacts of a system into which Upstairs writes."""

    own_users: tuple[str, ...] = Field(
        (),
        description="The accounts by which Upstairs itself writes there: what they change is no "
        "news. A write-back's `test` tells them.",
    )


class CaseOptions(WriteBackOptions):
    """How a connection reads cases, whose status has other names in each organisation."""

    state_by_tag: dict[str, CaseState] = Field(
        {}, description="What a status means, as `Status=Waiting for parts`, if not its usual one."
    )


class ContactLabels(TypedDict):
    """The fields of an ExternalContact that a connection's options complete."""

    topic: str
    language: str
    priority: Priority
    campaign: str | None
    team: str | None
    default_tier: Tier | None


def read_labels(
    tags: Collection[str],
    options: MappingOptions,
    *,
    topic: str | None = None,
    language: str | None = None,
    priority: str | None = None,
    campaign: str | None = None,
    team: str | None = None,
) -> ContactLabels:
    """Return the labels that the tags mean, else those that the system states."""
    return {
        "topic": by_tag(tags, options.topic_by_tag) or topic or options.topic,
        "language": by_tag(tags, options.language_by_tag) or language or options.language,
        "priority": read_priority(priority, tags, options),
        "campaign": by_tag(tags, options.campaign_by_tag) or campaign,
        "team": by_tag(tags, options.team_by_tag) or team or options.team,
        "default_tier": options.tier,
    }


def read_priority(stated: str | None, tags: Iterable[str], options: MappingOptions) -> Priority:
    return find_priority(stated, tags, options) or options.priority


def find_priority(
    stated: str | None, tags: Iterable[str], options: MappingOptions
) -> Priority | None:
    """Return None if neither the system nor a tag says it."""
    return by_tag(tags, options.priority_by_tag) or PRIORITIES.get((stated or "").strip().lower())


def by_tag(tags: Iterable[str], mapping: Mapping[str, T]) -> T | None:
    """Return the value of the first mapped tag; tags count in any case."""
    values = {tag.strip().lower(): value for tag, value in mapping.items()}
    names = (tag.strip().lower() for tag in tags)
    return next((values[name] for name in names if name in values), None)
