"""Twilio: calls, the keys that callers press, and text messages."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from common.contracts.contacts import Channel
from common.contracts.event import CustomerId
from intake.channels.base import (
    CallMeasured,
    ChannelEvent,
    ContactEnded,
    ContactLeft,
    ContactOpened,
    ContactSolved,
    CustomerMessageAdded,
    ExternalContact,
    FileAdded,
    MalformedBodyError,
    Reply,
    RepresentativeMessageAdded,
    SupervisorRequested,
    WebhookRequest,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import (
    load_json,
    read_file,
    read_form,
    read_id,
    read_mail_date,
    read_position,
    read_texts,
)
from intake.channels.options import MappingOptions, by_tag, read_labels
from intake.channels.twilio_signature import verify_twilio
from intake.domain.addresses import StatedAddress
from intake.domain.customers import CustomerStatement
from intake.domain.model import ChannelConnection, Moment

_TWIML: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_ANSWERED: Final = ("completed", "answered", "in-progress")
_NOT_REACHED: Final = ("busy", "no-answer", "canceled", "failed")
_MAX_FILES: Final = 10
# What happens in a conference: it names its participants' calls, which are no contacts.
_CONFERENCE_EVENTS: Final = ("conference-", "participant-")
# Twilio ends a call after a day at the latest.
_MAX_CALL_S: Final = 24 * 60 * 60
# The caller's own telephone company has signed that the number is the caller's.
_SIGNED_CALLER: Final = "TN-Validation-Passed-A"

Parameters = Mapping[str, str]


class TwilioOptions(MappingOptions):
    """How a connection reads calls and messages: a tag is a parameter, as `To=+18005550100`."""

    public_url: str | None = Field(
        None,
        pattern="^https?://",
        max_length=1000,
        description="The address that Twilio calls, without its query, if a proxy changes it. "
        "Twilio signs it.",
        examples=["https://intake.example.com/v1/channels/twilio/acme"],
    )
    supervisor_keys: tuple[str, ...] = Field(
        ("0",), description="What a caller presses to ask for a supervisor."
    )


class Twilio:
    kind = "twilio"
    proof = (
        "Twilio signs the address and the fields with the auth token: the header "
        "x-twilio-signature. If a proxy changes the address, set the option public_url."
    )
    options = TwilioOptions

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, _now: datetime
    ) -> None:
        # Twilio signs no time: a repeat is known by its content.
        verify_twilio(connection, request, connection.options.get("public_url"))

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        options = TwilioOptions.model_validate(connection.options)
        parameters = _parameters(request)
        if parameters.get("StatusCallbackEvent", "").strip().lower().startswith(_CONFERENCE_EVENTS):
            return []
        if "CallSid" in parameters:
            return [*_call_events(parameters, options)]
        if "MessageSid" in parameters or "SmsSid" in parameters:
            return [*_message_events(parameters, options)]
        raise MalformedBodyError(
            "The body has no CallSid and no MessageSid.",
            "fields-missing",
            fields="CallSid, MessageSid",
        )

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return Reply(_TWIML, "text/xml; charset=utf-8")


def _parameters(request: WebhookRequest) -> Parameters:
    if request.media_type.endswith("json"):
        content = load_json(request.body)
        if not isinstance(content, dict):
            raise MalformedBodyError("The body is no object with named fields.")
        return read_texts(content)
    return read_form(request.body)


def _call_events(parameters: Parameters, options: TwilioOptions) -> Iterator[ChannelEvent]:
    # The leg to a representative belongs to the call of the customer.
    call = read_id(parameters.get("ParentCallSid")) or read_id(parameters["CallSid"])
    if call is None:
        raise MalformedBodyError("The CallSid is empty.", "fields-missing", fields="CallSid")
    is_leg = "ParentCallSid" in parameters
    if not is_leg and _is_outbound(parameters):
        return
    contact = _contact(call, "call", parameters, options)
    status = parameters.get("CallStatus", "").strip().lower()
    yield ContactOpened(**_fields(parameters, contact, "call"))
    if is_leg:
        if status in _ANSWERED and parameters.get("CallDuration") != "0":
            yield _answer(parameters, contact, parameters.get("To"))
        if status == "completed":
            leg, account = parameters["CallSid"], read_id(parameters.get("To"))
            yield from _measured(parameters, contact, leg, parameters.get("CallDuration"), account)
        return
    yield from _caller_events(parameters, contact, options)
    yield from _end_events(parameters, contact, status)


def _caller_events(
    parameters: Parameters, contact: ExternalContact, options: TwilioOptions
) -> Iterator[ChannelEvent]:
    """Yield what the caller pressed or said."""
    digits = parameters.get("Digits", "").strip("# ")
    if digits and digits in options.supervisor_keys:
        fields = _fields(parameters, contact, "key")
        yield SupervisorRequested(**fields, quote=f"Pressed {digits}.")
    for name in ("SpeechResult", "TranscriptionText"):
        if text := parameters.get(name, "").strip():
            yield CustomerMessageAdded(**_fields(parameters, contact, name), text=text)


def _end_events(
    parameters: Parameters, contact: ExternalContact, status: str
) -> Iterator[ChannelEvent]:
    dialled = parameters.get("DialCallStatus", "").strip().lower()
    queue = parameters.get("QueueResult", "").strip().lower()
    if dialled in _ANSWERED or queue == "bridged":
        yield _answer(parameters, contact, None)
    if dialled == "completed":
        leg, duration = parameters.get("DialCallSid"), parameters.get("DialCallDuration")
        yield from _measured(parameters, contact, leg, duration, None)
        yield ContactSolved(**_fields(parameters, contact, "dialled"), note="The call ended.")
    elif queue == "hangup":
        reason = "hung up while waiting in the queue"
        yield ContactLeft(**_fields(parameters, contact, "queue"), reason=reason)
    elif status in _NOT_REACHED:
        yield ContactLeft(**_fields(parameters, contact, "end"), reason=f"the call was {status}")
    elif status == "completed":
        yield ContactEnded(**_fields(parameters, contact, "end"), reason="The call ended.")


def _answer(
    parameters: Parameters, contact: ExternalContact, account: str | None
) -> RepresentativeMessageAdded:
    fields = _fields(parameters, contact, "answer")
    text = "The call was answered."
    return RepresentativeMessageAdded(**fields, text=text, account=read_id(account))


def _measured(
    parameters: Parameters,
    contact: ExternalContact,
    leg: str | None,
    duration: str | None,
    account: str | None,
) -> Iterator[ChannelEvent]:
    """Yield how long the leg to a representative lasted: the leg itself and its dialling say so."""
    call_id, seconds = read_id(leg), (duration or "").strip()
    if call_id is None or not (seconds.isascii() and seconds.isdigit()):
        return
    duration_s = int(seconds[: len(str(_MAX_CALL_S)) + 1])
    if 0 < duration_s <= _MAX_CALL_S:
        fields = _fields(parameters, contact, "measured")
        yield CallMeasured(**fields, call_id=call_id, duration_s=duration_s, account=account)


def _message_events(parameters: Parameters, options: TwilioOptions) -> Iterator[ChannelEvent]:
    sid = read_id(parameters.get("MessageSid") or parameters.get("SmsSid"))
    sender, receiver = read_id(parameters.get("From")), read_id(parameters.get("To"))
    status = parameters.get("SmsStatus") or parameters.get("MessageStatus") or "received"
    if status.strip().lower() not in ("received", "receiving"):
        # What became of a message of ours.
        return
    if sid is None or sender is None:
        raise MalformedBodyError(
            "The message has no MessageSid or no From.", "fields-missing", fields="MessageSid, From"
        )
    # A text message has no thread: there is one for each pair of numbers.
    ref = event_key(sender, receiver)
    contact = _contact(ref, "chat", parameters, options)
    fields = _fields(parameters, contact, "message")
    text = parameters.get("Body", "")
    yield CustomerMessageAdded(**fields, text=text, message_ref=sid)
    for number in range(_MAX_FILES):
        name, url = f"{sid}-{number}", parameters.get(f"MediaUrl{number}")
        file = read_file(name, name, url, parameters.get(f"MediaContentType{number}"))
        if file is not None:
            yield FileAdded(**_fields(parameters, contact, name), message_ref=sid, file=file)


def _contact(
    ref: str, channel: Channel, parameters: Parameters, options: TwilioOptions
) -> ExternalContact:
    tags = [f"{name}={value}" for name, value in parameters.items()]
    sender = read_id(parameters.get("From")) or f"call-{ref}"
    words = "Call" if channel == "call" else "Text message"
    return ExternalContact(
        ref=ref,
        channel=channel,
        customer=CustomerStatement(
            CustomerId(sender),
            name=parameters.get("CallerName") or None,
            tier=by_tag(tags, options.tier_by_tag),
            stated_addresses=(
                StatedAddress(
                    "phone",
                    sender,
                    verified=parameters.get("StirVerstat") == _SIGNED_CALLER,
                    region=options.default_region,
                ),
            ),
        ),
        subject=f"{words} from {sender}",
        **read_labels(tags, options),
    )


def _fields(parameters: Parameters, contact: ExternalContact, part: str) -> dict[str, Any]:
    sid = parameters.get("CallSid") or parameters.get("MessageSid") or parameters.get("SmsSid")
    # Twilio gives its requests no id; one that it repeats is the same.
    digest = hashlib.sha256(repr(sorted(parameters.items())).encode()).hexdigest()
    return {
        "event_id": event_key(sid, digest, part),
        "event_type": part,
        "contact": contact,
        "moment": _moment(parameters),
    }


def _moment(parameters: Parameters) -> Moment | None:
    time = read_mail_date(parameters.get("Timestamp"))
    return Moment(time, read_position(parameters.get("SequenceNumber"))) if time else None


def _is_outbound(parameters: Parameters) -> bool:
    return parameters.get("Direction", "").strip().lower().startswith("outbound")
