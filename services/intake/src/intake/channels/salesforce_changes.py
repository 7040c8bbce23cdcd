"""Change Data Capture of Salesforce: which fields of which cases changed, as JSON."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from intake.channels.base import (
    ChannelEvent,
    ContactDiscarded,
    ContactSetOpen,
    UnreadablePart,
    UnrelatedUpdate,
    WebhookModel,
)
from intake.channels.case_updates import CaseUpdate, missing_details
from intake.channels.event_keys import event_key
from intake.channels.fields import (
    Id,
    Position,
    Text,
    load_json,
    read_id,
    read_seconds,
    read_text,
)
from intake.channels.own_writes import CLIENT
from intake.channels.salesforce_case import (
    SYSTEM,
    SalesforceOptions,
    external_contact,
    is_own_account,
    read_case,
)
from intake.domain.model import Moment

_MILLISECONDS: Final = 1000
# Where relays put the event: EventBridge, CometD, a CloudEvent.
_WRAPPINGS: Final = ("detail", "data")
_PREFIX: Final = "GAP_"


def _commit_time(value: Any) -> datetime | None:
    try:
        return read_seconds(float(value) / _MILLISECONDS)
    except (TypeError, ValueError, OverflowError):
        return None


def _ids(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(each for item in values if (each := read_id(item)) is not None)


class Header(WebhookModel):
    model_config = ConfigDict(alias_generator=to_camel)

    entity_name: Text = None
    change_type: Text = None
    change_origin: Text = None
    commit_user: Id = None
    transaction_key: Id = None
    record_ids: Annotated[tuple[str, ...], BeforeValidator(_ids)] = ()
    sequence_number: Position = 0
    commit_timestamp: Annotated[datetime | None, BeforeValidator(_commit_time)] = None


def read_changes(body: bytes, options: SalesforceOptions) -> list[ChannelEvent | UnreadablePart]:
    """Read one change, or a list of them; raises MalformedBodyError."""
    content = load_json(body)
    changes = content if isinstance(content, list) else [content]
    return [
        part
        for number, change in enumerate(changes, 1)
        for part in _change_events(change, f"Change {number}", options)
    ]


def _change_events(
    change: Any, place: str, options: SalesforceOptions
) -> Iterator[ChannelEvent | UnreadablePart]:
    payload = _payload(change)
    if payload is None:
        yield UnreadablePart(
            place, "It has no ChangeEventHeader.", "fields-missing", {"fields": "ChangeEventHeader"}
        )
        return
    header = Header.model_validate(payload["ChangeEventHeader"])
    if (header.entity_name or "").lower() != "case":
        return
    kind = (header.change_type or "").strip().upper()
    if kind == "GAP_OVERFLOW":
        reason = "Salesforce left out changes of too many cases at once: compare the cases there."
        yield UnreadablePart(place, reason, "changes-left-out")
    elif not header.record_ids:
        yield UnreadablePart(
            place, "It has no recordIds.", "fields-missing", {"fields": "recordIds"}
        )
    for record_id in header.record_ids if kind != "GAP_OVERFLOW" else ():
        yield from _record_events(record_id, kind, header, payload, options)


def _record_events(
    record_id: str,
    kind: str,
    header: Header,
    payload: Mapping[str, Any],
    options: SalesforceOptions,
) -> Iterator[ChannelEvent]:
    fields = {"Id": record_id} | {
        name: text for name, value in payload.items() if (text := read_text(_plain(value)))
    }
    commit, position = header.commit_timestamp, header.sequence_number
    moment = Moment(commit, position, header.transaction_key) if commit else None
    event_id = event_key(header.transaction_key, str(position), record_id)
    contact = external_contact(fields, [], options, "open", moment)
    about = (event_id, kind.lower(), contact)
    match kind.removeprefix(_PREFIX):
        case "UPDATE" if _is_own(header, options):
            yield UnrelatedUpdate(*about, moment=moment)
        case "DELETE":
            yield ContactDiscarded(*about, "deleted", moment=moment)
        case "UNDELETE":
            yield ContactSetOpen(*about, "restored in Salesforce", moment=moment)
        case "CREATE" | "UPDATE" if not kind.startswith(_PREFIX):
            yield from read_case(fields, options, event_id, kind.lower(), moment)
        case "CREATE" | "UPDATE":
            update = CaseUpdate(*about, moment, None, None, system=SYSTEM)
            yield from missing_details(update, "all fields of this change")
        case _:
            yield UnrelatedUpdate(*about, moment=moment)


def _is_own(header: Header, options: SalesforceOptions) -> bool:
    """Return whether we made the change: the origin ends in `;client=upstairs` then."""
    names = (header.change_origin or "").lower().split(";")[1:]
    return f"client={CLIENT}" in names or is_own_account(header.commit_user, options)


def _plain(value: Any) -> Any:
    """Return a flag as Salesforce writes it in XML."""
    return str(value).lower() if isinstance(value, bool) else value


def _payload(change: Any) -> Mapping[str, Any] | None:
    if not isinstance(change, dict):
        return None
    payload = change.get("payload", change)
    if isinstance(payload, dict) and isinstance(payload.get("ChangeEventHeader"), dict):
        return payload
    inner = (change[name] for name in _WRAPPINGS if name in change)
    return next((wrapped for each in inner if (wrapped := _payload(each)) is not None), None)
