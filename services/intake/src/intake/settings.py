"""The environment variables of intake, in addition to those of every service."""

import re
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from common.contracts.contacts import Priority
from common.contracts.event import ID_PATTERN, Role, SystemName
from common.contracts.needs import ContactTopic
from common.core.networks import read_networks
from common.core.sealed_secrets import EncryptionKeys
from common.http.app import Slug
from common.service.settings import ServiceSettings
from intake.domain.customers import CustomerNamespaces
from intake.domain.rate_limits import RateLimit
from intake.domain.understanding.signs import SignRules, with_own_rules

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?")
_OWN_VARIABLES: Final = "UPSTAIRS_"

# What the name of a system begins with: a role, or a kind of channel (channels/registry.py; a test
# compares them).
_KINDS: Final = (
    *get_args(Role),
    *("cloudevents", "dynamics", "imap", "mailgun", "salesforce", "sendgrid", "slack"),
    *("twilio", "webhook", "zendesk"),
)


def _require_no_kind(namespace: str) -> str:
    """In a namespace `channel` the customer `shop:4711` would be one of the channel `shop`."""
    if namespace in _KINDS:
        raise ValueError("must not be the name of a kind of system, such as channel or zendesk")
    return namespace


def _check_networks(text: str) -> str:
    read_networks(text)
    return text


_System = Annotated[SystemName, StringConstraints(pattern=f"^{ID_PATTERN}:{ID_PATTERN}$")]
Namespace = Annotated[
    str, StringConstraints(pattern=f"^{ID_PATTERN}$"), AfterValidator(_require_no_kind)
]


Phrases = tuple[Annotated[str, StringConstraints(min_length=3, max_length=80)], ...]


class SignRulesIn(BaseModel):
    """Phrases of customers and what they are signs of; a word that ends in * begins others."""

    model_config = ConfigDict(extra="forbid")

    topics: dict[ContactTopic, Phrases] = Field(
        default={}, description="Which phrases mean which topic; the first topic found counts."
    )
    urgency: Phrases = Field(
        default=(), description="Phrases of an urgent text; without any, those of intake."
    )
    urgency_priority: Priority | None = Field(
        default=None, description="To what an urgent text raises the priority; null: to nothing."
    )
    vulnerability: dict[Slug, Phrases] = Field(
        default={}, description="Kinds of care and their phrases, besides those of intake."
    )
    vague_topics: tuple[ContactTopic, ...] = Field(
        default=("general",), description="Topics of channels that the text's topic replaces."
    )

    def rules(self) -> SignRules:
        return with_own_rules(SignRules(**self.model_dump()))


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("must begin with https:// and have a host")
    return url.rstrip("/")


def _check_keys(keys: EncryptionKeys) -> EncryptionKeys:
    if keys.all:
        keys.secret_box()
    return keys


def _check_variables(names: str) -> str:
    for name in split_list(names):
        if not _VARIABLE.fullmatch(name):
            raise ValueError("has a name that is no name of a variable")
        if name.startswith(_OWN_VARIABLES) or _OWN_VARIABLES.startswith(name.removesuffix("*")):
            raise ValueError("must not name the settings of intake, which begin with UPSTAIRS_")
    return names


def _check_directories(paths: str) -> str:
    if any(not PurePosixPath(path).is_absolute() for path in split_list(paths)):
        raise ValueError("has a path that does not begin with /")
    return paths


def split_list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


class Settings(ServiceSettings):
    encryption_keys: Annotated[EncryptionKeys, AfterValidator(_check_keys)] = Field(
        default=EncryptionKeys(""),
        description="encrypts the secrets of connections, the same for all replicas; required to "
        "start; `python -m common encryption-key` makes one; several, separated by commas: the "
        "first encrypts, all decrypt",
    )
    secret_variables: Annotated[str, AfterValidator(_check_variables)] = Field(
        default="",
        description="the environment variables from which a connection may take its secret, "
        "separated by commas; `CHANNEL_*` means all that begin so",
    )
    secret_directories: Annotated[str, AfterValidator(_check_directories)] = Field(
        default="",
        description="the directories with files from which a connection may take its secret, "
        "separated by commas",
    )
    webhook_body_mb: int = Field(
        default=4,
        ge=1,
        le=60,
        description="the largest webhook, in MB: 100 cases of Salesforce may each have 32,000 "
        "characters",
    )
    mail_body_mb: int = Field(
        default=32,
        ge=1,
        le=60,
        description="the largest mail that SendGrid or Mailgun may post, in MB; a larger one "
        "answers 503, so that they send it again after you raise this",
    )
    mailbox_poll_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="how often each mailbox of a connection `imap` is read, by one process at a "
        "time; 0: never",
    )
    mailbox_networks: Annotated[str, AfterValidator(_check_networks)] = Field(
        default="",
        description="networks of your own that IMAP servers may be in, as `10.8.0.0/16`, separated "
        "by commas; all others must be in the internet",
    )
    mailbox_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authorities that sign certificates of IMAP servers; without "
        "it those that browsers believe",
    )
    call_networks: Annotated[str, AfterValidator(_check_networks)] = Field(
        default="",
        description="networks of your own that token servers and systems whose cases are read may "
        "be in, as `10.8.0.0/16`, separated by commas; all others must be in the internet",
    )
    microsoft_login_url: Annotated[str, AfterValidator(_check_url)] = Field(
        default="https://login.microsoftonline.com",
        description="where Microsoft Entra gives access tokens; other clouds have other addresses",
    )
    google_token_url: Annotated[str, AfterValidator(_check_url)] = Field(
        default="https://oauth2.googleapis.com/token",
        description="where Google gives access tokens",
    )
    kafka_inbound: bool = Field(
        default=False,
        description="read CloudEvents that outside systems write to the topic `inbound`: "
        "[over Kafka](../channels/cloudevents.md#over-kafka)",
    )
    understanding: SignRulesIn = Field(
        default=SignRulesIn(),
        description="what customers' phrases are signs of, as JSON: "
        '`{"topics": {"billing": ["invoice", "charged twice"]}, "urgency_priority": "high"}`; '
        "[what customers' words ask for](../operations.md#what-customers-words-ask-for)",
    )
    customer_namespaces: dict[_System, Namespace] = Field(
        default={},
        description="the namespace of customers of each system that shares its customers with "
        'others, as JSON: `{"channel:shop": "retail", "zendesk:support": "retail"}`',
    )
    proving_systems: frozenset[_System] = Field(
        default=frozenset(),
        description="the systems that have proof of their customers' addresses, as JSON: "
        '`["salesforce:acme", "channel:shop"]`; a new customer whose verified address another '
        "customer has joins that one; [who is the same customer]"
        "(../channels.md#who-is-the-same-customer)",
    )
    channel_rate_limits: dict[Slug | Literal["*"], RateLimit] = Field(
        default={},
        description="how many requests that change something each API key of the role `channel` "
        "may send, by its subject, as JSON: "
        '`{"shop": {"deliveries": 600, "per_seconds": 60}, "*": …}`; `*`: each subject that is '
        "not named; [rate limits](../operations.md#rate-limits)",
    )
    default_region: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = Field(
        default=None,
        description="the country, by ISO 3166, of telephone numbers without one: `GB`; a "
        "connection's option of this name wins",
    )
    follows_within_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="a new contact follows the customer's latest one of the same topic that is "
        "open, or that ended so many days before; 0: only if the channel says so",
    )

    def namespaces(self) -> CustomerNamespaces:
        return CustomerNamespaces(
            self.customer_namespaces,
            self.proving_systems,
            self.default_region,
            timedelta(days=self.follows_within_days),
        )
