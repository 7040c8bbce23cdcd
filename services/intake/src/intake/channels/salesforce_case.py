"""A case of Salesforce, from whichever of its messages."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import Field

from common.contracts.event import CustomerId
from intake.channels.base import (
    ChannelEvent,
    CustomerMessageAdded,
    ExternalContact,
    FirstMessage,
    RepresentativeMessageAdded,
    UnrelatedUpdate,
)
from intake.channels.case_updates import (
    CHANNELS_BY_ORIGIN,
    CaseUpdate,
    case_events,
    contact_state,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import moment_at, read_flag, read_id, read_time
from intake.channels.options import CaseOptions, CaseState, by_tag, find_priority, read_labels
from intake.channels.own_writes import is_own_note
from intake.domain.addresses import AddressKind, StatedAddress
from intake.domain.customers import CustomerStatement
from intake.domain.model import ContactState, Moment

SYSTEM: Final = "Salesforce"
# What is supplied with a case, anybody typed into a form; the others are those of the record.
_ADDRESSES: Final[tuple[tuple[str, AddressKind, bool], ...]] = (
    ("ContactEmail", "email", True),
    ("ContactPhone", "phone", True),
    ("ContactMobile", "phone", True),
    ("SuppliedEmail", "email", False),
    ("SuppliedPhone", "phone", False),
)
# Of the long form of an id, the last three characters only say which letters are capitals.
_ID_CHARACTERS: Final = 15
_STATES: Final[Mapping[str, CaseState]] = {
    "new": "open",
    "open": "open",
    "working": "open",
    "in progress": "open",
    "escalated": "open",
    "reopened": "open",
    "on hold": "on_hold",
    "pending": "waiting_on_customer",
    "waiting on customer": "waiting_on_customer",
    "waiting for customer": "waiting_on_customer",
    "awaiting customer": "waiting_on_customer",
    "resolved": "resolved",
    "solved": "resolved",
    "closed": "resolved",
    "deleted": "discarded",
}

Fields = Mapping[str, str]


class SalesforceOptions(CaseOptions):
    """How a connection reads cases: a tag is a field and its value, as `Origin=Web`."""

    organization: str = Field(
        min_length=_ID_CHARACTERS,
        max_length=18,
        pattern="^00D",
        description="The id of the Salesforce organization, of 15 or 18 characters. A message of "
        "another one is refused: a sandbox may be a copy that has your addresses.",
        examples=["00D70000000AbCdEAK"],
    )


def is_same_id(one_id: str, other_id: str) -> bool:
    """Compare two ids of 15 or 18 characters."""
    return one_id[:_ID_CHARACTERS] == other_id[:_ID_CHARACTERS]


def is_own_account(account: str | None, options: SalesforceOptions) -> bool:
    return account is not None and any(is_same_id(account, own) for own in options.own_users)


def read_case(
    fields: Fields,
    options: SalesforceOptions,
    event_id: str,
    event_type: str,
    moment: Moment | None,
) -> list[ChannelEvent]:
    """Read a picture of a case; `fields` has its `Id`, and whatever else was chosen."""
    tags = [*_tags(fields)]
    moment = moment or read_moment(fields)
    state = _state(fields, tags, options)
    contact = external_contact(fields, tags, options, contact_state(state, options), moment)
    # What we wrote last is no news; what others changed before comes with the next picture.
    is_own = is_own_account(read_id(fields.get("LastModifiedById")), options)
    priority = find_priority(fields.get("Priority"), tags, options)
    is_escalated = read_flag(fields.get("IsEscalated")) is True and state != "resolved"
    update = CaseUpdate(
        event_id,
        event_type,
        contact,
        moment,
        state,
        None if is_own else priority,
        is_new=True,
        is_escalated=is_escalated and not is_own,
        ended_at=moment_at(read_time(fields.get("ClosedDate"))),
        system=SYSTEM,
    )
    return case_events(update)


def read_moment(fields: Fields) -> Moment | None:
    return _first_moment(fields, "SystemModstamp", "LastModifiedDate")


def _first_moment(fields: Fields, *names: str) -> Moment | None:
    times = (read_time(fields.get(name)) for name in names)
    return moment_at(next(filter(None, times), None))


def external_contact(
    fields: Fields,
    tags: list[str],
    options: SalesforceOptions,
    state: ContactState,
    moment: Moment | None,
) -> ExternalContact:
    ref = fields["Id"]
    number = fields.get("CaseNumber") or ref
    origin = (fields.get("Origin") or "").strip().lower()
    description = fields.get("Description")
    return ExternalContact(
        ref=ref,
        channel=CHANNELS_BY_ORIGIN.get(origin, "case"),
        customer=_customer(fields, tags, options),
        subject=fields.get("Subject") or f"Case {number}",
        **read_labels(
            tags, options, priority=fields.get("Priority"), language=fields.get("Language")
        ),
        first_message=FirstMessage(description, written_at=read_time(fields.get("CreatedDate")))
        if description
        else None,
        state=state,
        as_of=moment.at if moment else None,
    )


def read_message(
    kind: str, fields: Fields, options: SalesforceOptions, event_id: str
) -> list[ChannelEvent]:
    """Read a comment or a mail of the case `ParentId`; mails say whether they came in."""
    ref = read_id(fields.get("ParentId"))
    if ref is None:
        return []
    contact = external_contact({"Id": ref}, [], options, "open", None)
    text = fields.get("TextBody") or fields.get("CommentBody") or ""
    moment = _first_moment(fields, "MessageDate", "CreatedDate")
    about = (event_id, kind, contact)
    if not text:
        return [UnrelatedUpdate(*about, moment=moment)]
    message_ref = read_id(fields.get("Id"))
    if read_flag(fields.get("Incoming")):
        return [CustomerMessageAdded(*about, text, message_ref=message_ref, moment=moment)]
    account = read_id(fields.get("CreatedById"))
    is_internal = read_flag(fields.get("IsPublished")) is False
    is_own = is_own_account(account, options) or is_own_note(text, account, ())
    if is_internal and is_own:
        return [UnrelatedUpdate(*about, moment=moment)]
    return [
        RepresentativeMessageAdded(
            *about,
            text,
            account,
            automatic=account in options.bots,
            internal=is_internal,
            message_ref=message_ref,
            moment=moment,
        )
    ]


def _customer(fields: Fields, tags: list[str], options: SalesforceOptions) -> CustomerStatement:
    names = ("ContactId", "AccountId", "SuppliedEmail")
    ids = (read_id(fields.get(name)) for name in names)
    customer_id = next(filter(None, ids), None) or event_key("case", fields["Id"])
    return CustomerStatement(
        CustomerId(customer_id),
        name=fields.get("SuppliedName"),
        tier=by_tag(tags, options.tier_by_tag),
        stated_addresses=tuple(_addresses(fields, options)),
    )


def _addresses(fields: Fields, options: SalesforceOptions) -> Iterator[StatedAddress]:
    for name, kind, verified in _ADDRESSES:
        if address := fields.get(name):
            yield StatedAddress(kind, address, verified, options.default_region)


def _state(fields: Fields, tags: list[str], options: SalesforceOptions) -> CaseState | None:
    if read_flag(fields.get("IsDeleted")):
        return "discarded"
    if mapped := by_tag(tags, options.state_by_tag):
        return mapped
    if read_flag(fields.get("IsClosed")):
        return "resolved"
    status = (fields.get("Status") or "").strip().lower()
    # A status that an admin invented is open, unless the case is closed.
    return _STATES.get(status, "open") if status else None


def _tags(fields: Fields) -> Iterator[str]:
    """Yield every field with its value, and each value of a list of choices."""
    for name, value in fields.items():
        for part in {value, *value.split(";")}:
            yield f"{name}={part.strip()}"
