"""Twilio of the tests: refuses what Twilio refuses, and signs what it posts."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree.ElementTree import ParseError

import httpx
import orjson
from aiohttp import web
from defusedxml.ElementTree import fromstring

from support.loopback_server import LoopbackServer
from support.waiting import until

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "f1c4a8f0b9d24a7793e0b4d6a1c25e77"
NUMBER = "+442079460000"
TEMPLATE = "HX00000000000000000000000000000001"
# Of the languages that Twilio's documentation lists for `<Say>`, those of ours.
SPOKEN = {"en-US", "en-GB", "de-DE", "es-ES", "es-MX", "fr-FR", "fr-CA", "pt-PT", "pt-BR", "it-IT"}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST_BODY = 1600
_LONGEST_TWIML = 4000
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

Refusal = tuple[int, int]


@dataclass(frozen=True)
class Created:
    """A message or a call, with the fields that it was made with."""

    sid: str
    fields: Mapping[str, str]

    @property
    def callback(self) -> str:
        """Where Twilio reports: the fragment is for Twilio alone."""
        return self.fields["StatusCallback"].partition("#")[0]

    @property
    def keys_url(self) -> str:
        (gather,) = fromstring(self.fields["Twiml"]).iter("Gather")
        return gather.attrib["action"]


@dataclass
class Twilio(LoopbackServer):
    """`answers` are given first, one to each request: a status, a code, and headers.

    While it `is_silent`, it does what it is asked and does not answer until the caller gives up.
    """

    messages: list[Created] = field(default_factory=list)
    calls: list[Created] = field(default_factory=list)
    answers: list[tuple[int, int | None, dict[str, str]]] = field(default_factory=list)
    opted_out: set[str] = field(default_factory=set)
    landlines: set[str] = field(default_factory=set)
    requests: int = 0
    is_silent: bool = False

    def __post_init__(self) -> None:
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{sid}/Messages.json", self._take_message)
        app.router.add_post("/2010-04-01/Accounts/{sid}/Calls.json", self._take_call)
        LoopbackServer.__init__(self, app)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "twilio_api_url": self.url,
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "twilio_sms_from": NUMBER,
            "twilio_voice_from": NUMBER,
            "twilio_whatsapp_from": NUMBER,
            "twilio_whatsapp_content_sid": TEMPLATE,
        }

    async def report(
        self, api: httpx.AsyncClient, created: Created, status: str, **more: str
    ) -> httpx.Response:
        """Post a status callback; a call has another name for its status."""
        is_call = created.sid.startswith("CA")
        named = {"CallSid": created.sid, "CallStatus": status}
        if not is_call:
            named = {"MessageSid": created.sid, "SmsSid": created.sid, "MessageStatus": status}
            named["SmsStatus"] = status
        fields = {**named, "AccountSid": ACCOUNT, "To": created.fields["To"], **more}
        return await post_signed(api, created.callback, fields)

    async def _take_message(self, request: web.Request) -> web.Response:
        fields = dict[str, Any](await request.post())
        refusal = self._refusal(request, fields) or self._message_refusal(fields)
        return await self._answer(request, fields, refusal, self.messages, "SM")

    async def _take_call(self, request: web.Request) -> web.Response:
        fields = dict[str, Any](await request.post())
        refusal = self._refusal(request, fields) or _call_refusal(fields)
        return await self._answer(request, fields, refusal, self.calls, "CA")

    async def _answer(
        self,
        request: web.Request,
        fields: Mapping[str, str],
        refusal: Refusal | None,
        taken: list[Created],
        kind: str,
    ) -> web.Response:
        self.requests += 1
        if self.answers:
            status, code, headers = self.answers.pop(0)
            return web.json_response(
                {"code": code, "message": "no"}, status=status, headers=headers
            )
        if refusal:
            status, code = refusal
            body = {"code": code, "message": f"about {fields.get('To')}", "status": status}
            return web.json_response(body, status=status)
        created = Created(f"{kind}{len(taken) + 1:032x}", fields)
        taken.append(created)
        if self.is_silent:
            await until(lambda: request.transport is None)
        body = {"sid": created.sid, "status": "queued", "error_code": None}
        return web.json_response(body, status=201)

    def _refusal(self, request: web.Request, fields: Mapping[str, str]) -> Refusal | None:
        credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        is_right = request.headers.get("Authorization") == f"Basic {credentials}"
        if not is_right or request.match_info["sid"] != ACCOUNT:
            return 401, 20003
        callback = urlsplit(fields.get("StatusCallback", ""))
        if callback.scheme not in ("http", "https") or not callback.hostname:
            return 400, 21609
        return None

    def _message_refusal(self, fields: Mapping[str, str]) -> Refusal | None:
        to, sender = fields.get("To", ""), fields.get("From", "")
        number = to.removeprefix("whatsapp:")
        wrong = {
            21603: not sender and not fields.get("MessagingServiceSid"),
            21211: not _E164.fullmatch(number),
            21910: to.startswith("whatsapp:") != sender.startswith("whatsapp:"),
            21610: number in self.opted_out,
            21614: number in self.landlines,
            **_content_errors(fields),
        }
        return next(((400, code) for code, is_wrong in wrong.items() if is_wrong), None)


def sign(url: str, fields: Iterable[tuple[str, str]], token: str) -> str:
    """Return the signature; a value that comes twice under one name counts once."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode()


async def post_signed(
    api: httpx.AsyncClient, url: str, fields: Mapping[str, str], token: str = TOKEN
) -> httpx.Response:
    headers = {**_FORM, "X-Twilio-Signature": sign(url, fields.items(), token)}
    return await api.post(url, content=urlencode(fields), headers=headers)


def _content_errors(fields: Mapping[str, str]) -> dict[int, bool]:
    if "ContentSid" in fields:
        return {21656: not _are_variables(fields.get("ContentVariables", "{}"))}
    text = fields.get("Body", "")
    return {21602: not text, 21617: len(text) > _LONGEST_BODY}


def _are_variables(text: str) -> bool:
    try:
        variables = orjson.loads(text)
    except ValueError:
        return False
    values = variables.values() if isinstance(variables, dict) else [None]
    return all(isinstance(value, str) and value and "\n" not in value for value in values)


def _call_refusal(fields: Mapping[str, str]) -> Refusal | None:
    if not _E164.fullmatch(fields.get("To", "")):
        return 400, 21211
    if not fields.get("From"):
        return 400, 21213
    try:
        call = fromstring(fields.get("Twiml", ""))
    except ParseError:
        return 400, 12100
    if any(each.attrib.get("language", "en-US") not in SPOKEN for each in call.iter("Say")):
        return 400, 13512
    return (400, 21218) if len(fields["Twiml"]) > _LONGEST_TWIML else None
