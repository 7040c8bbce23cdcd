"""The screens of status webhooks: the list, one of them, and what it was sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.reader import Reader, parse_time
from console.views.systems.connections import changed_text
from console.views.systems.options import (
    Button,
    CallRow,
    Chip,
    SystemView,
    Value,
    chip_of,
    values_of,
)
from console.views.systems.webhook_kind import STATUSES, WEBHOOKS

_DELIVERIES: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("soon", mark("waits to be sent")),
    "sending": ("", mark("is being sent")),
    "delivered": ("calm", mark("delivered")),
    "failed": ("over", mark("not delivered")),
}


@dataclass(frozen=True, slots=True)
class WebhookRow:
    source: str
    url: str
    address: str
    chips: tuple[Chip, ...]
    waiting: str
    failed: str


def webhook_rows(items: Iterable[Mapping[str, Any]], reader: Reader) -> tuple[WebhookRow, ...]:
    return tuple(
        WebhookRow(
            source=item["source"],
            url=WEBHOOKS.url_of(item["source"]),
            address=item["url"],
            chips=_chips(item, reader),
            waiting=waiting_text(item, reader),
            failed=str(item["failed"]),
        )
        for item in items
    )


def _chips(item: Mapping[str, Any], reader: Reader) -> tuple[Chip, ...]:
    gettext = reader.texts.gettext
    if item["state"] == "disabled":
        return (Chip("over", gettext("disabled")),)
    if item["failing_since"] is not None:
        return (Chip("calm", gettext("active")), Chip("soon", gettext("its receiver fails")))
    return (Chip("calm", gettext("active")),)


def waiting_text(item: Mapping[str, Any], reader: Reader) -> str:
    """Say how many statuses wait, and for how long the oldest does."""
    since = parse_time(item["oldest_waiting_since"])
    if since is None:
        return str(item["waiting"])
    return reader.texts.gettext(
        "%(count)s, the oldest for %(duration)s",
        count=item["waiting"],
        duration=reader.duration_since(since),
    )


def webhook_view(
    item: Mapping[str, Any], deliveries: Iterable[Mapping[str, Any]], reader: Reader
) -> SystemView:
    gettext, url = reader.texts.gettext, WEBHOOKS.url_of(item["source"])
    facts = (
        (gettext("Waiting"), waiting_text(item, reader)),
        (gettext("Not delivered"), str(item["failed"])),
        (gettext("Calls fail since"), _time(item["failing_since"], reader)),
        (gettext("The secret before signs too until"), _time(item["old_secret_ends_at"], reader)),
    )
    return SystemView(
        title=item["source"],
        url=url,
        chips=_chips(item, reader),
        problem=item["disabled_reason"],
        facts=tuple(Value(label, text) for label, text in facts if text is not None),
        values=values_of(WEBHOOKS.nodes, item, reader),
        changed=changed_text(item, reader),
        version=item["version"],
        actions=_actions(item["state"], url, reader),
        calls=tuple(_delivery(each, reader) for each in deliveries),
    )


def _time(value: str | None, reader: Reader) -> str | None:
    moment = parse_time(value)
    return None if moment is None else reader.texts.full_time(moment)


def _actions(state: str, url: str, reader: Reader) -> tuple[Button, ...]:
    gettext = reader.texts.gettext
    resume = Button(gettext("Resume…"), f"{url}/resume", is_primary=True)
    return (
        *((resume,) if state == "disabled" else ()),
        Button(gettext("Change…"), f"{url}/edit", is_primary=state == "active"),
        Button(gettext("Change the secret…"), f"{url}/secret"),
        Button(gettext("Send again…"), f"{url}/replay"),
        Button(gettext("Remove…"), f"{url}/remove"),
    )


def _delivery(item: Mapping[str, Any], reader: Reader) -> CallRow:
    gettext = reader.texts.gettext
    return CallRow(
        reference=item["external_ref"] or item["contact_id"],
        text=gettext(STATUSES.get(item["status"], item["status"])),
        at=reader.time(item["occurred_at"]),
        chip=chip_of(_DELIVERIES, item["state"], reader),
        detail=item["detail"],
    )
