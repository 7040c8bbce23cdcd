"""A delivery of each kind of channel, signed as its system signs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SECRET = "a-secret-of-a-test-7f3c"


@dataclass(frozen=True)
class Signed:
    """What proves a request: headers, and what comes behind the connection in its address."""

    headers: Mapping[str, str]
    address: str = ""


@dataclass(frozen=True)
class Sample:
    """`sign` takes a body, how many seconds ago it was signed, and the secret.

    `body` has the word MARK once, in a text of the customer. `covers_body`: the signature is of
    the body too, and `has_time` of a time.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    media_type: str
    body: bytes
    sign: Callable[[bytes, int, str], Signed]
    covers_body: bool = True
    has_time: bool = True
    reply_type: str = "application/json"

    @property
    def path(self) -> str:
        return f"/v1/channels/{self.kind}/acme"


def by_path(_body: bytes, _age_s: int, secret: str) -> Signed:
    return Signed({}, f"/{secret}")


SALESFORCE = Sample(
    "salesforce",
    "salesforce",
    {"organization": "00D5g000004AbCdEAK"},
    "text/xml; charset=utf-8",
    b"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">
    <OrganizationId>00D5g000004AbCdEAK</OrganizationId>
    <ActionId>04k5g000000AbCdAAK</ActionId><SessionId>a-session-that-opens-doors</SessionId>
    <Notification><Id>04l5g000001AbCdAAK</Id>
      <sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
        <sf:Id>5005g000009AbCdAAK</sf:Id><sf:CaseNumber>00001042</sf:CaseNumber>
        <sf:ContactId>0035g00000AbCdeAAF</sf:ContactId><sf:Subject>Boiler is cold</sf:Subject>
        <sf:Description>No hot water since MARK.</sf:Description>
        <sf:Status>New</sf:Status><sf:Priority>High</sf:Priority><sf:Origin>Phone</sf:Origin>
      </sObject></Notification>
  </notifications></soapenv:Body></soapenv:Envelope>""",
    by_path,
    covers_body=False,
    has_time=False,
    reply_type="text/xml; charset=utf-8",
)

SAMPLES = [SALESFORCE]
