"""The kinds of connections: the options of each, and what proves that a delivery is theirs."""

from collections.abc import Mapping
from typing import Any, Final

from console.texts import mark
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import KEY, VALUE, Group, Leaf, Node, Rows
from console.views.settings.phrases import PRIORITIES, TIERS
from console.views.settings.values import (
    Choice,
    Flag,
    Line,
    SeveralOf,
    Value,
    WholeNumber,
    Words,
)
from console.views.systems.connection_secrets import SECRETS, secrets_with_app

LIST: Final = "connections"
_YOUR_TAGS: Final = mark(
    "A tag, or a field with its value, such as Origin=Web. The first that fits counts."
)
_ON_HOLD: Final = {
    "runs": mark("The time of promises runs on: the customer waits."),
    "pauses": mark("The time of promises stops, as if the customer had to answer."),
}
_CASE_STATES: Final = {
    "open": mark("open"),
    "on_hold": mark("on hold"),
    "waiting_on_customer": mark("waits for the customer"),
    "resolved": mark("resolved"),
    "discarded": mark("discarded"),
}
_DAYS: Final = {
    "monday": mark("Monday"),
    "tuesday": mark("Tuesday"),
    "wednesday": mark("Wednesday"),
    "thursday": mark("Thursday"),
    "friday": mark("Friday"),
    "saturday": mark("Saturday"),
    "sunday": mark("Sunday"),
}
_ENCRYPTION: Final = {
    "implicit": mark("from the beginning (TLS)"),
    "starttls": mark("after the greeting (STARTTLS)"),
    "none": mark("not at all, inside your network"),
}
_BEGIN: Final = {
    "new": mark("those that come from now on"),
    "all": mark("all that are in the folder"),
}
_PROVIDERS: Final = {"microsoft": "Microsoft", "google": "Google"}
_AFTER: Final = {
    "seen": mark("It is marked as read."),
    "move": mark("It is moved to another folder."),
    "leave": mark("It stays as it is."),
}


def _by_tag(name: str, label: str, value: str, kind: Value | None = None, hint: str = "") -> Rows:
    return Rows(
        name,
        label,
        mark("Tag"),
        (Leaf(KEY, Line(), mark("Tag")), Leaf(VALUE, kind or Line(), value)),
        hint,
        shape="map",
        add_label=mark("Add a tag"),
    )


_DEFAULTS: Final[tuple[Node, ...]] = (
    Leaf("topic", Line(), mark("Topic"), mark("Of a contact without a tag."), initial="general"),
    Leaf("language", Line(), mark("Language"), mark("Such as en or pt-BR."), initial="en"),
    Leaf(
        "priority",
        Choice(PRIORITIES),
        mark("Priority"),
        mark("Of a contact for which the system states none."),
        initial="normal",
    ),
    Leaf(
        "team",
        Line(),
        mark("Team"),
        mark("Its id. Its people get the contacts first; left empty, contacts are for all."),
        is_required=False,
    ),
    Leaf(
        "tier",
        Choice(TIERS),
        mark("Customer's tier"),
        mark("Of a customer for whom no system states one."),
        is_required=False,
    ),
)
_TAGS: Final[tuple[Node, ...]] = (
    _by_tag("topic_by_tag", mark("Topic by tag"), mark("Topic"), hint=_YOUR_TAGS),
    _by_tag("language_by_tag", mark("Language by tag"), mark("Language")),
    _by_tag("priority_by_tag", mark("Priority by tag"), mark("Priority"), Choice(PRIORITIES)),
    _by_tag("team_by_tag", mark("Team by tag"), mark("Team")),
    _by_tag("tier_by_tag", mark("Customer's tier by tag"), mark("Tier"), Choice(TIERS)),
    _by_tag("campaign_by_tag", mark("Campaign by tag"), mark("Campaign")),
)
_OTHERS: Final[tuple[Node, ...]] = (
    Leaf("on_hold", Choice(_ON_HOLD), mark("When a case is on hold"), initial="runs"),
    Leaf(
        "default_region",
        Line(),
        mark("Country of telephone numbers"),
        mark("Two letters, such as DE, for numbers without a country."),
        is_required=False,
    ),
    Leaf(
        "bots",
        Words(),
        mark("Accounts of bots"),
        mark("With commas between them. What they write is no reply."),
        is_required=False,
    ),
)
_MAPPING: Final = (*_DEFAULTS, *_TAGS, *_OTHERS)
_RATE_LIMIT: Final = Group(
    "rate_limit",
    mark("Rate limit"),
    (
        Leaf("deliveries", WholeNumber(), mark("At most so many deliveries")),
        Leaf("per_seconds", WholeNumber(), mark("In so many seconds")),
    ),
    mark("Further ones are refused, to be sent again later. Left empty, any number is taken."),
    is_optional=True,
)
# Intake calls these systems itself, as an app.
APPS: Final[Mapping[str, Group]] = {
    "imap": Group(
        "oauth",
        mark("The app that signs in to the mailbox (OAuth)"),
        (
            Leaf(
                "provider", Choice(_PROVIDERS), mark("Provider of the sign-in"), is_required=False
            ),
            Leaf("client_id", Line(), mark("Id of the app")),
            Leaf(
                "tenant_id",
                Line(),
                mark("Tenant of Microsoft Entra"),
                mark("For Microsoft only."),
                is_required=False,
            ),
        ),
        mark("Left empty, the secret is the password of the user."),
        is_optional=True,
    ),
    "dynamics": Group(
        "read_from",
        mark("The app that reads cases"),
        (
            Leaf(
                "base_url",
                Line(),
                mark("Address of the environment"),
                mark("Such as https://acme.crm4.dynamics.com."),
            ),
            Leaf("tenant_id", Line(), mark("Tenant of Microsoft Entra")),
            Leaf("client_id", Line(), mark("Id of the app")),
        ),
        mark("It reads what a delivery over 256 KB leaves out. Left empty, a note says so."),
        is_optional=True,
    ),
}
_OWN_USERS: Final = Leaf(
    "own_users",
    Words(),
    mark("Accounts of Upstairs there"),
    mark("With commas between them. What they change is no news."),
    is_required=False,
)
_STATES: Final = _by_tag("state_by_tag", mark("State by tag"), mark("State"), Choice(_CASE_STATES))
_CASES: Final = (*_MAPPING, _OWN_USERS, _STATES)
_OWN_ADDRESSES: Final = Leaf(
    "own_addresses",
    Words(),
    mark("Your addresses"),
    mark("With commas between them, such as support@example.com, @agents.example.com."),
    is_required=False,
)
_MAIL: Final = (_OWN_ADDRESSES, *_MAPPING)
_OPTIONS: Final[Mapping[str, tuple[Node, ...]]] = {
    "zendesk": (*_MAPPING, _OWN_USERS),
    "salesforce": (
        Leaf(
            "organization",
            Line(),
            mark("Salesforce organization"),
            mark("Its id, such as 00D70000000AbCdEAK."),
        ),
        *_CASES,
    ),
    "dynamics": _CASES,
    "twilio": (
        Leaf(
            "public_url",
            Line(),
            mark("Address that Twilio calls"),
            mark("Only if a proxy changes it."),
            is_required=False,
        ),
        Leaf(
            "supervisor_keys",
            Words(),
            mark("Keys that ask for a supervisor"),
            is_required=False,
            initial="0",
        ),
        *_MAPPING,
    ),
    "slack": (
        Leaf(
            "representatives",
            Words(),
            mark("Users who are representatives"),
            mark("Their ids with commas between them, such as U0RITA."),
            is_required=False,
        ),
        Leaf("command", Line(), mark("Command that asks for a supervisor"), initial="/supervisor"),
        Leaf(
            "shortcut",
            Line(),
            mark("Shortcut or button that asks for a supervisor"),
            mark("Its callback id or action id."),
            initial="ask_supervisor",
        ),
        *_MAPPING,
    ),
    "sendgrid": _MAIL,
    "mailgun": _MAIL,
    "imap": (
        Leaf("host", Line(), mark("Mail server"), mark("Such as imap.example.com.")),
        Leaf("port", WholeNumber(), mark("Port"), initial="993"),
        Leaf("tls", Choice(_ENCRYPTION), mark("Encrypted"), initial="implicit"),
        Leaf("user", Line(), mark("User")),
        Leaf("folder", Line(), mark("Folder"), initial="INBOX"),
        Leaf("begin", Choice(_BEGIN), mark("Mails to begin with"), initial="new"),
        Leaf("after", Choice(_AFTER), mark("When a mail is stored here"), initial="seen"),
        Leaf("move_to", Line(), mark("Other folder"), is_required=False),
        *_MAIL,
    ),
    "cloudevents": (
        Leaf(
            "unsigned_kafka",
            Flag(),
            mark("Records in Kafka need no signature"),
            mark("Then everybody who may write to the topic speaks for this system."),
        ),
        *_MAPPING,
    ),
    "webhook": _MAPPING,
}
TITLES: Final[Mapping[str, str]] = {
    "zendesk": "Zendesk",
    "salesforce": "Salesforce",
    "dynamics": "Dynamics 365",
    "twilio": "Twilio",
    "slack": "Slack",
    "sendgrid": "SendGrid",
    "mailgun": "Mailgun",
    "imap": mark("Mailbox (IMAP)"),
    "cloudevents": "CloudEvents",
    "webhook": mark("Your own system (webhook)"),
}
# The guides in docs/channels.
GUIDES: Final[Mapping[str, str]] = {
    **{kind: f"{kind}.md" for kind in TITLES},
    **dict.fromkeys(("sendgrid", "mailgun", "imap"), "mail.md"),
}
EXPECTED: Final = Group(
    "expected",
    mark("Expected deliveries"),
    (
        Leaf(
            "every_minutes",
            WholeNumber(),
            mark("At least once in so many minutes"),
            mark("Operations are paged if nothing comes. Left empty, nothing is expected."),
        ),
        Leaf(
            "time_zone",
            Line(),
            mark("Time zone"),
            mark("Such as Europe/Berlin."),
            is_required=False,
        ),
        Rows(
            "hours",
            mark("Office hours"),
            mark("Hours"),
            (
                Leaf("days", SeveralOf(_DAYS), mark("Days")),
                Leaf("starts", Line(), mark("From"), mark("Such as 08:00.")),
                Leaf("ends", Line(), mark("Until"), mark("Such as 18:00.")),
            ),
            mark("Without any, at all times."),
            add_label=mark("Add hours"),
        ),
    ),
    is_optional=True,
)


def _no_sentences(_body: Body, _reader: Reader, _related: Related) -> list[str]:
    """The page of a connection has tables."""
    return []


def _connection_kind(slug: str, options: tuple[Node, ...]) -> Kind:
    app = APPS.get(slug)
    # Mails are fetched as fast as they can be stored.
    others = (*([app] if app else []), *([] if slug == "imap" else [_RATE_LIMIT]))
    return Kind(
        slug=f"{LIST}/{slug}",
        list_slug=LIST,
        path=f"channels/{slug}",
        title=mark("Connections"),
        singular=TITLES[slug],
        purpose="",
        nodes=(Group("options", mark("How contacts are read"), (*options, *others)), EXPECTED),
        describe=_no_sentences,
        service="intake",
        id_field="connection",
        in_envelope=False,
        has_versions=False,
        has_technical_ids=True,
        id_hint=mark("Letters, digits and hyphens, such as acme. It is a part of the address."),
        secrets=SECRETS if app is None else secrets_with_app(app.name),
    )


CONNECTION_KINDS: Final[Mapping[str, Kind]] = {
    slug: _connection_kind(slug, _OPTIONS[slug]) for slug in TITLES
}


def body_to_put(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is put so that a connection stays as intake has shown it."""
    return {"options": item["options"], "expected": item["expected"]}
