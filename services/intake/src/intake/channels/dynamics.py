"""Dynamics 365: what a webhook step of the Plug-in Registration Tool posts about cases."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from pydantic import Field

from common.contracts.contacts import Channel, Priority
from common.contracts.event import CustomerId
from common.http.app import Slug
from intake.channels.base import (
    CaseToRead,
    ChannelEvent,
    ChannelOptions,
    ContactDiscarded,
    ContactMerged,
    ExternalContact,
    FirstMessage,
    MalformedBodyError,
    Reply,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.case_updates import (
    CaseUpdate,
    case_events,
    contact_state,
    details_note,
    missing_details,
)
from intake.channels.dynamics_schema import (
    ExecutionContext,
    Fields,
    Incident,
    read_date,
    read_guid,
    read_incident,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import moment_at, read_json
from intake.channels.options import CaseOptions, CaseState, by_tag, find_priority, read_labels
from intake.channels.own_writes import CLIENT
from intake.channels.shared_secret import verify_shared_secret
from intake.domain.addresses import StatedAddress
from intake.domain.case_reads import CaseName
from intake.domain.customers import CustomerStatement
from intake.domain.model import ChannelConnection, ContactState, Moment

_SYSTEM: Final = "Dynamics"
_ENTITY: Final = "incident"
_SIZE_EXCEEDED: Final = "x-ms-dynamics-msg-size-exceeded"
_ENTITY_HEADER: Final = "x-ms-dynamics-entity-name"
_MISSES_COLUMNS: Final = frozenset(("create", "update"))
# It becomes a part of an address.
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CASE_ID: Final = "incidentid"
_MESSAGE_HEADER: Final = "x-ms-dynamics-request-name"
# The usual columns; what a message does not have, nobody knows.
_COLUMNS: Final = ("title", "description", "customerid", "statuscode", "prioritycode")
_STATES: Final[Mapping[str, CaseState]] = {"0": "open", "1": "resolved", "2": "discarded"}
_STATUSES: Final[Mapping[str, CaseState]] = {
    "1": "open",
    "2": "on_hold",
    "3": "waiting_on_customer",
    "4": "open",
    "5": "resolved",
    "6": "discarded",
    "1000": "resolved",
    "2000": "discarded",
}
_PRIORITIES: Final[Mapping[str, Priority]] = {"1": "high", "2": "normal", "3": "low"}
_ORIGINS: Final[Mapping[str, Channel]] = {"1": "call", "2": "email"}


class CaseReading(ChannelOptions):
    """Where a case is read of which a webhook leaves out the columns, and as which app."""

    base_url: str = Field(
        description="The address of the environment.",
        max_length=300,
        pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$",
        examples=["https://acme.crm4.dynamics.com"],
    )
    tenant_id: Slug = Field(description="The tenant of Microsoft Entra that has the app.")
    client_id: Slug = Field(
        description="The id of the app; its secret is the connection's `app_secret`."
    )


class DynamicsOptions(CaseOptions):
    read_from: CaseReading | None = Field(
        None,
        description="Where cases are read of which a webhook leaves out the columns, as it does "
        "over 256 KB; without it, a note says what is missing.",
    )

    @property
    def needs_app_secret(self) -> bool:
        return self.read_from is not None


class Dynamics:
    kind = "dynamics"
    proof = "The step shows the secret in a header, or in the query as ?code=."
    options = DynamicsOptions

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, _now: datetime
    ) -> None:
        # WebhookKey is `?code=`; of HttpHeader and HttpQueryString an admin chooses the names.
        verify_shared_secret(connection, request)

    def parse(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> Sequence[ChannelEvent | CaseToRead]:
        options = DynamicsOptions.model_validate(connection.options)
        context = read_json(request.body, ExecutionContext)
        entity = context.primary_entity_name or request.headers.get(_ENTITY_HEADER, "")
        if entity.strip().lower() != _ENTITY:
            return []
        message = _message(context, request)
        if context.case_id is None:
            raise MalformedBodyError(
                "The body has no id of the case.", "fields-missing", fields="id"
            )
        is_shortened = request.headers.get(_SIZE_EXCEEDED, "false").strip().lower() != "false"
        events = _events(context, context.case_id, message, options, is_shortened=is_shortened)
        is_readable = options.read_from is not None and _GUID.fullmatch(context.case_id)
        if is_shortened and message in _MISSES_COLUMNS and is_readable:
            return [CaseToRead(CaseName(events[0].event_id, context.case_id), events)]
        return events

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None

    def read_case(
        self,
        connection: ChannelConnection,
        request: WebhookRequest,
        content: bytes,
        *,
        is_late: bool,
    ) -> list[ChannelEvent]:
        """Return the events of a case as it was read because of a request.

        A note says what a contact that was made before has not. They are of when the case was
        changed last: what a webhook says of a later change counts more, whichever comes first.
        Raises MalformedBodyError.
        """
        options = DynamicsOptions.model_validate(connection.options)
        context, incident = read_json(request.body, ExecutionContext), read_incident(content)
        if context.case_id is None or context.case_id != read_guid(incident.fields.get(_CASE_ID)):
            raise MalformedBodyError("Dynamics answered with another case.")
        # It has whole seconds, and the operation of the request was before.
        times = filter(None, (context.operation_created_on, incident.modified_at))
        moment = moment_at(max(times, default=None))
        message = _message(context, request)
        picture = _update(context, context.case_id, message, options, incident, moment)
        # The request itself may have made the contact.
        update = replace(picture, event_id=event_key(picture.event_id, "read"))
        return [*case_events(update), *([details_note(update)] if is_late else [])]

    def name_case(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> list[ChannelEvent]:
        """Return the events of a request without any words of its customer."""
        options = DynamicsOptions.model_validate(connection.options)
        context = read_json(request.body, ExecutionContext)
        message, nothing = _message(context, request), Incident({}, [], None)
        moment = moment_at(context.operation_created_on)
        update = _update(context, context.case_id or "", message, options, nothing, moment)
        return missing_details(update, "all columns")


def _events(
    context: ExecutionContext,
    case_id: str,
    message: str,
    options: CaseOptions,
    *,
    is_shortened: bool,
) -> list[ChannelEvent]:
    update = _update(context, case_id, message, options)
    about = (update.event_id, message, update.contact)
    match message:
        case "update" if _is_own(context, options):
            return [UnrelatedUpdate(*about, moment=update.moment)]
        case "delete":
            return [ContactDiscarded(*about, "deleted", moment=update.moment)]
        case "merge" if context.merged_id is not None:
            merged = _contact({}, [], context.merged_id, options, "open", update.moment)
            return [ContactMerged(update.event_id, message, merged, case_id, moment=update.moment)]
        case "create" | "update" if is_shortened:
            columns = ", ".join(name for name in _COLUMNS if name not in context.fields)
            return missing_details(update, f"columns ({columns}), as it does over 256 KB")
        case "create" | "update" | "setstate" | "setstatedynamicentity" | "close":
            return case_events(update)
        case _:
            return [UnrelatedUpdate(*about, moment=update.moment)]


def _is_own(context: ExecutionContext, options: CaseOptions) -> bool:
    """Return whether we made the change: we call with the tag `upstairs`."""
    own_users = {read_guid(user) for user in options.own_users} - {None}
    return context.shared_variables.get("tag") == CLIENT or context.user_id in own_users


def _message(context: ExecutionContext, request: WebhookRequest) -> str:
    return (context.message_name or request.headers.get(_MESSAGE_HEADER, "")).strip().lower()


def _update(
    context: ExecutionContext,
    case_id: str,
    message: str,
    options: CaseOptions,
    incident: Incident | None = None,
    moment: Moment | None = None,
) -> CaseUpdate:
    """Return what the request says of the case, or what was read of it."""
    fields, tags = (
        (context.fields, context.tags) if incident is None else (incident.fields, incident.tags)
    )
    moment = moment or moment_at(context.operation_created_on)
    state: CaseState | None = "resolved" if message == "close" else _state(fields, tags, options)
    priority = _PRIORITIES.get(fields.get("prioritycode", ""))
    return CaseUpdate(
        event_key(context.operation_key, message, case_id),
        message,
        _contact(fields, tags, case_id, options, contact_state(state, options), moment),
        moment,
        state,
        find_priority(priority, tags, options),
        is_new=message == "create",
        is_escalated=fields.get("isescalated") == "true" and state != "resolved",
        system=_SYSTEM,
    )


def _contact(
    fields: Fields,
    tags: list[str],
    case_id: str,
    options: CaseOptions,
    state: ContactState,
    moment: Moment | None,
) -> ExternalContact:
    number, description = fields.get("ticketnumber"), fields.get("description")
    customer_id = fields.get("customerid") or event_key("case", case_id)
    priority = _PRIORITIES.get(fields.get("prioritycode", ""))
    written_at, email = read_date(fields.get("createdon")), fields.get("emailaddress")
    return ExternalContact(
        ref=case_id,
        channel=_ORIGINS.get(fields.get("caseorigincode", ""), "case"),
        customer=CustomerStatement(
            CustomerId(customer_id),
            name=fields.get("customerid name"),
            tier=by_tag(tags, options.tier_by_tag),
            stated_addresses=(StatedAddress("email", email),) if email else (),
        ),
        subject=fields.get("title") or f"Case {number or case_id}",
        **read_labels(tags, options, priority=priority),
        first_message=FirstMessage(description, written_at=written_at) if description else None,
        state=state,
        as_of=moment.at if moment else None,
    )


def _state(fields: Fields, tags: list[str], options: CaseOptions) -> CaseState | None:
    if mapped := by_tag(tags, options.state_by_tag):
        return mapped
    state = _STATES.get(fields.get("statecode", ""))
    # A status of an active case is more exact than its state.
    status = _STATUSES.get(fields.get("statuscode", ""))
    return status if state in (None, "open") and status is not None else state
