"""Templates that managers set in place of the shipped ones: for a medium, a reason, a language."""

from datetime import datetime
from typing import Final, Literal, get_args

from msgspec import Struct

from common.contracts.escalations import PageReason
from common.contracts.notifications import Medium
from notifier.domain.reasons import Reason

# `any`: all reasons that have no template of their own.
TemplateKind = Reason | Literal["any"]
ANY: Final = "any"
# Of messages that no escalation requests: they are about no contact.
OWN_REASONS: Final[tuple[Reason, ...]] = (
    "alarm",
    "connection_silent",
    "connection_heard_again",
    "write_back_halted",
    "status_webhook_disabled",
    "maintenance_began",
    "maintenance_ended",
    "summary",
)
# A notice about a changed address keeps its words: the person who changed it may set templates.
TEMPLATE_REASONS: Final[tuple[Reason, ...]] = (*get_args(PageReason), *OWN_REASONS)
TEMPLATE_KINDS: Final[tuple[TemplateKind, ...]] = (ANY, *TEMPLATE_REASONS)
# What is said and written by the others is ours, or the outside system's.
TEMPLATE_MEDIA: Final[tuple[Medium, ...]] = ("slack", "email", "teams", "web_push", "sms")
MAX_TITLE_SOURCE: Final = 500
MAX_BODY_SOURCE: Final = 4000


class TemplateKey(Struct, frozen=True):
    medium: Medium
    kind: TemplateKind
    language: str

    def __str__(self) -> str:
        return f"{self.medium}/{self.kind}/{self.language}"


class MessageTemplate(Struct, frozen=True):
    """One version; the greatest counts. Without a `body` the shipped template is used again.

    `title` and `body` are sources in Jinja2.
    """

    medium: Medium
    kind: TemplateKind
    language: str
    version: int
    title: str | None
    body: str | None
    changed_at: datetime
    changed_by: str

    @property
    def key(self) -> TemplateKey:
        return TemplateKey(self.medium, self.kind, self.language)


def reasons_of(kind: TemplateKind) -> tuple[Reason, ...]:
    """Return the reasons whose messages a template may write."""
    return TEMPLATE_REASONS if kind == ANY else tuple(r for r in TEMPLATE_REASONS if r == kind)
