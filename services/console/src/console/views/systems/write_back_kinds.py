"""Write-backs: what Upstairs writes to the cases of a helpdesk or CRM, and as whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import KEY, VALUE, Group, Leaf, Node, Rows
from console.views.settings.secret_fields import SecretFields, SecretLine
from console.views.settings.values import Choice, Flag, Line, Words
from console.views.systems.field_values import FIELD_HINT, FieldText, WritingChoice

LIST: Final = "write-backs"
WRITE_BACK_TITLES: Final[Mapping[str, str]] = {
    "zendesk": mark("Write-back to Zendesk"),
    "salesforce": mark("Write-back to Salesforce"),
    "dynamics": mark("Write-back to Dynamics 365"),
}
STEPS: Final[Mapping[str, str]] = {
    "escalated": mark("When a contact is escalated"),
    "acknowledged": mark("When somebody acknowledges"),
    "returned": mark("When it is handed back"),
    "resolved": mark("When it is resolved"),
    "withdrawn": mark("When the escalation is withdrawn"),
}
_WRITING: Final = {
    "active": mark("What follows is written."),
    "paused": mark("Nothing is written, and nothing of it later."),
}
_LANGUAGES: Final = {"en": mark("English"), "de": mark("German")}
# As the systems name them.
_ZENDESK_PRIORITIES: Final = {name: name for name in ("low", "normal", "high", "urgent")}
_DYNAMICS_PRIORITIES: Final = {name: name for name in ("low", "normal", "high")}
_ZENDESK_CREDENTIALS: Final = {
    "api_token": mark("API token of the account"),
    "oauth_token": mark("OAuth access token"),
}


@dataclass(frozen=True, slots=True)
class _System:
    """`priority` is how the system takes priorities."""

    priority: Choice | Line
    fields_hint: str
    credentials: tuple[Leaf, ...]
    credentials_type: str | None = None
    has_tags: bool = False


_APP: Final = (
    Leaf("client_id", Line(), mark("Client id")),
    Leaf("client_secret", SecretLine(), mark("Client secret"), mark("It is never shown.")),
)
_SYSTEMS: Final[Mapping[str, _System]] = {
    "zendesk": _System(
        Choice(_ZENDESK_PRIORITIES),
        mark("Custom fields by their ids."),
        (
            Leaf(
                "type",
                Choice(_ZENDESK_CREDENTIALS),
                mark("How Upstairs signs in"),
                initial="api_token",
            ),
            Leaf(
                "email",
                Line(),
                mark("Agent"),
                mark("The email address of the agent, for an API token."),
                is_required=False,
            ),
            Leaf("token", SecretLine(), mark("Token"), mark("It is never shown.")),
        ),
        has_tags=True,
    ),
    "salesforce": _System(
        Line(), mark("Fields of the case by their names."), _APP, "client_credentials"
    ),
    "dynamics": _System(
        Choice(_DYNAMICS_PRIORITIES),
        mark("Columns of the case by their names."),
        (Leaf("tenant_id", Line(), mark("Tenant of Microsoft Entra")), *_APP),
        "client_credentials",
    ),
}


def _step(name: str, label: str, system: _System) -> Group:
    nodes: list[Node] = [
        Leaf("note", Flag(), mark("Add an internal note")),
        Leaf(
            "priority",
            system.priority,
            mark("Priority"),
            mark("Left empty, it stays."),
            is_required=False,
        ),
        Rows(
            "fields",
            mark("Fields to set"),
            mark("Field"),
            (Leaf(KEY, Line(), mark("Field")), Leaf(VALUE, FieldText(), mark("Value"), FIELD_HINT)),
            system.fields_hint,
            shape="map",
            add_label=mark("Add a field"),
        ),
    ]
    if system.has_tags:
        hint = mark("With commas between them.")
        nodes.append(Leaf("tags", Words(), mark("Tags to add"), hint, is_required=False))
    return Group(name, label, tuple(nodes))


def _credentials(system: _System) -> SecretFields:
    def members(fields: Body) -> Body:
        kind = {} if system.credentials_type is None else {"type": system.credentials_type}
        return {"credentials": {**kind, **fields}}

    return SecretFields(
        system.credentials,
        mark("As whom Upstairs writes. They are stored encrypted and never shown."),
        members,
        _is_asked,
    )


def _is_asked(current: Body | None, body: Body) -> bool:
    """Stored credentials never go to another address than the one they were put for."""
    if current is None:
        return True
    before, after = (str(each.get("base_url", "")).rstrip("/") for each in (current, body))
    return before != after


def _no_sentences(_body: Body, _reader: Reader, _related: Related) -> list[str]:
    """The page of a write-back has tables."""
    return []


def _kind(slug: str) -> Kind:
    system = _SYSTEMS[slug]
    return Kind(
        slug=f"{LIST}/{slug}",
        list_slug=LIST,
        path=f"{LIST}/{slug}",
        title=mark("Write-backs"),
        singular=WRITE_BACK_TITLES[slug],
        purpose="",
        nodes=(
            Leaf(
                "base_url",
                Line(),
                mark("Address of your account"),
                mark("Without a path, such as https://acme.zendesk.com."),
            ),
            Leaf("state", WritingChoice(_WRITING), mark("Writing"), initial="active"),
            Leaf("language", Choice(_LANGUAGES), mark("Language of notes"), initial="en"),
            Group(
                "steps",
                mark("What is written"),
                tuple(_step(name, label, system) for name, label in STEPS.items()),
            ),
        ),
        describe=_no_sentences,
        service="notifier",
        id_field="connection",
        in_envelope=False,
        has_versions=False,
        has_technical_ids=True,
        id_label=mark("Connection"),
        id_hint=mark("Its name under Connections, such as acme."),
        secrets=_credentials(system),
        problem_fields={"address-not-allowed": "base_url"},
    )


WRITE_BACK_KINDS: Final[Mapping[str, Kind]] = {slug: _kind(slug) for slug in _SYSTEMS}


def write_back_body(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is put so that a write-back stays as notifier has shown it."""
    return {name: item[name] for name in ("base_url", "steps", "language")}
