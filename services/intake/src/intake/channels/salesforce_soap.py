"""Outbound Messages of Salesforce: up to 100 notifications in one SOAP envelope."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from intake.channels.base import MalformedBodyError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ACKNOWLEDGEMENT: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"


@dataclass(frozen=True, slots=True)
class Notification:
    """`kind` is the type of the record, and `fields` are those that have a value."""

    notification_id: str
    kind: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    organization: str
    notifications: list[Notification]


def read_outbound_message(body: bytes) -> OutboundMessage:
    """Read the envelope, whatever prefixes it gives to its namespaces.

    The session id, a key to Salesforce, is not read. Raises MalformedBodyError.
    """
    try:
        envelope = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise MalformedBodyError("The body has a document type: it may be an attack.") from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise MalformedBodyError("The body is not XML.", "not-xml") from error
    message = next(_children(next(_children(envelope, "Body"), None), "notifications"), None)
    if message is None:
        raise MalformedBodyError("The body is no Outbound Message.")
    return OutboundMessage(
        _text(next(_children(message, "OrganizationId"), None)) or "",
        [_notification(element) for element in _children(message, "Notification")],
    )


def _notification(element: "Element") -> Notification:
    record = next(_children(element, "sObject"), None)
    kind = "" if record is None else record.get(_TYPE, "Case").rpartition(":")[2]
    fields = {} if record is None else {_name(child): _text(child) for child in record}
    return Notification(
        _text(next(_children(element, "Id"), None)) or "",
        kind,
        {name: text for name, text in fields.items() if text},
    )


def _children(element: "Element | None", name: str) -> Iterator["Element"]:
    if element is not None:
        yield from (child for child in element if _name(child) == name)


def _name(element: "Element") -> str:
    return element.tag.rpartition("}")[2]


def _text(element: "Element | None") -> str | None:
    # An element that stands for null has no text.
    return None if element is None else (element.text or "").strip()
