"""Status webhooks: where a system is told what becomes of its contacts."""

from collections.abc import Mapping
from typing import Any, Final

from common.contracts.event import ID_PATTERN
from common.contracts.statuses import ContactStatus
from console.texts import mark
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import Leaf
from console.views.settings.secret_fields import SecretFields, SecretLine, is_asked_of_new
from console.views.settings.values import Line, SeveralOf, WholeNumber

SOURCE_PATTERN: Final = f"{ID_PATTERN}:{ID_PATTERN}"
STATUSES: Final[Mapping[ContactStatus, str]] = {
    "received": mark("received"),
    "assigned": mark("assigned"),
    "waiting_on_customer": mark("waits for the customer"),
    "waiting_ended": mark("waits no longer for the customer"),
    "escalated": mark("escalated"),
    "acknowledged": mark("acknowledged"),
    "taken_over": mark("taken over"),
    "handed_back": mark("handed back"),
    "escalation_ended": mark("escalation ended"),
    "resolved": mark("resolved"),
    "abandoned": mark("the customer left"),
    "discarded": mark("discarded"),
    "merged": mark("merged with another"),
    "reopened": mark("reopened"),
}
SECRET_LEAF: Final = Leaf(
    "secret",
    SecretLine(),
    mark("The secret itself"),
    mark("whsec_ and 24 to 64 bytes in Base64. Left empty, one is made and shown once."),
    is_required=False,
)


ROTATION_LEAVES: Final = (
    SECRET_LEAF,
    Leaf(
        "overlap_hours",
        WholeNumber(),
        mark("The secret before signs too for so many hours"),
        mark("Until then the receiver must know the new one."),
        initial="24",
    ),
)


def _members(fields: Body) -> Body:
    return fields


def _no_sentences(_body: Body, _reader: Reader, _related: Related) -> list[str]:
    """The page of a webhook has tables."""
    return []


WEBHOOKS: Final = Kind(
    slug="status-webhooks",
    path="status-webhooks",
    title=mark("Status webhooks"),
    singular=mark("Status webhook"),
    purpose=mark("Systems that are told what becomes of their contacts."),
    nodes=(
        Leaf("url", Line(), mark("Address"), mark("Statuses are posted there, by HTTPS.")),
        Leaf(
            "statuses",
            SeveralOf(STATUSES),
            mark("Statuses"),
            mark("Which are posted. Without any, all."),
            is_required=False,
        ),
    ),
    describe=_no_sentences,
    service="notifier",
    id_field="source",
    in_envelope=False,
    has_versions=False,
    has_technical_ids=True,
    id_label=mark("System"),
    id_hint=mark("Kind and name with a colon between them, such as zendesk:acme or channel:shop."),
    id_pattern=SOURCE_PATTERN,
    id_problem=mark("Please write a kind and a name with a colon between them."),
    problem_fields={"receiver-refused": "url"},
    secrets=SecretFields(
        (SECRET_LEAF,),
        mark("With it the receiver checks that a status is from Upstairs."),
        _members,
        is_asked_of_new,
    ),
)


def webhook_body(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is put so that a webhook stays as notifier has shown it."""
    return {"url": item["url"], "statuses": item["statuses"]}
