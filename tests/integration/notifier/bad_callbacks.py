"""What comes back from outside about a message: as it should be, and as it should not.

Each kind sends each case, or `NOT_APPLICABLE` says why there is none.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx

from common.contracts.event import NotificationId, PersonId
from common.contracts.notifications import Medium
from common.core.ids import new_id
from integration.notifier.conftest import (
    LINK_SECRET,
    SLACK_CALLBACK,
    ServiceHarness,
    key,
    paged,
    pressed,
    signed,
    token_of,
)
from integration.notifier.examples import PROGRAM
from integration.notifier.mail_reports import MEDIA_TYPE, REPORTS, mail_dana
from integration.notifier.phone_examples import DANA, OMAR, REPLIES, reply, send
from notifier.domain.recipients import Address, Recipient
from notifier.links import Links, Purpose
from support.mail_reports import write_report
from support.twilio import Created, Twilio, post_signed
from support.waiting import until

Case = Literal["right", "forged", "unknown message", "somebody else"]
LINKS: Final = Links(LINK_SECRET, "", timedelta(hours=24))
KEYS: Final = "http://notifier/v1/callbacks/twilio/keys/"


@dataclass
class Outside(ABC):
    """An outside system; `open` sends a page about which `call` then calls back.

    What is `right` is the same request each time: it is replayed as it was.
    """

    harness: ServiceHarness
    api: httpx.AsyncClient
    twilio: Twilio
    message_id: str = ""

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def call(self, case: Case) -> httpx.Response: ...

    async def own_id(self) -> NotificationId:
        (row,) = await self.harness.rows("SELECT notification_id FROM notifications")
        return NotificationId(str(row.notification_id))

    async def token(self, case: Case, purpose: Purpose) -> str:
        own_id = await self.own_id()
        notification_id = NotificationId(new_id()) if case == "unknown message" else own_id
        return LINKS.token(notification_id, purpose, 1)


class SlackButton(Outside):
    async def open(self) -> None:
        await self.harness.add_recipient("dana", "slack")
        async with self.harness.delivering():
            await self.harness.handle(paged())
            await until(self.harness.states, lambda states: states[0][2] == "sent")
        self.message_id = token_of(self.harness.posted()[0])

    async def call(self, case: Case) -> httpx.Response:
        unknown = await self.token(case, "press")
        token = unknown if case == "unknown message" else self.message_id
        body = pressed("U-omar" if case == "somebody else" else "U-dana", token)
        headers = signed(body, secret="a guess" if case == "forged" else "")
        return await self.api.post(SLACK_CALLBACK, content=body, headers=headers)


class MailLink(Outside):
    async def open(self) -> None:
        await self.harness.add_recipient("dana", "email")
        async with self.harness.delivering():
            await self.harness.handle(paged())
            await until(self.harness.states, lambda states: states[0][2] == "sent")

    async def call(self, case: Case) -> httpx.Response:
        token = await self.token(case, "acknowledge")
        if case == "forged":
            token = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"
        if case == "somebody else":
            # The mailbox is no longer Dana's.
            async with self.harness.database.transaction() as uow:
                now = (Address("email", {"address": "dana@example.org"}),)
                await uow.recipients.save(Recipient(PersonId("dana"), "Dana", now, link_epoch=2))
        return await self.api.post(f"/v1/acknowledgements/{token}", headers=PROGRAM)


class Phone(Outside):
    medium: Medium = "sms"
    created: Created | None = None

    async def open(self) -> None:
        await self.harness.add_recipient("dana", self.medium, number=DANA)
        (self.created,) = await send(self.harness, self.twilio, paged())
        self.message_id = f"SM{new_id()}"

    async def post(self, case: Case, url: str, fields: Mapping[str, str]) -> httpx.Response:
        token = {"token": "a guess"} if case == "forged" else {}
        return await post_signed(self.api, url, fields, **token)


class TextReply(Phone):
    prefix = ""

    async def call(self, case: Case) -> httpx.Response:
        if case == "unknown message":
            # What was asked is over since yesterday.
            self.harness.advance(timedelta(hours=25))
        sender = f"{self.prefix}{OMAR if case == 'somebody else' else DANA}"
        if case != "forged":
            return await reply(self.api, "1", sender, MessageSid=self.message_id)
        fields = {"MessageSid": self.message_id, "From": sender, "Body": "1"}
        return await self.post(case, REPLIES, fields)


class WhatsAppReply(TextReply):
    medium = "whatsapp"
    prefix = "whatsapp:"


class CallKey(Phone):
    medium = "voice"

    async def call(self, case: Case) -> httpx.Response:
        assert self.created
        token = await self.token(case, "press")
        url = f"{KEYS}{token}" if case == "unknown message" else self.created.keys_url
        called = OMAR if case == "somebody else" else DANA
        fields = {"CallSid": self.created.sid, "To": called, "Digits": "1"}
        return await self.post(case, url, fields)


class Report(Phone):
    def fields(self, sid: str) -> Mapping[str, str]:
        status = "failed" if sid != getattr(self.created, "sid", "") else "delivered"
        return {"MessageSid": sid, "MessageStatus": status, "ErrorCode": "30006"}

    async def call(self, case: Case) -> httpx.Response:
        assert self.created
        url = urlsplit(self.created.callback)._replace(fragment="").geturl()
        if case == "unknown message":
            url = f"{url.rpartition('/')[0]}/{new_id()}"
        sid = self.created.sid
        # The report of another message, at the address of this one.
        sid = f"{sid[:2]}{'f' * 32}" if case == "somebody else" else sid
        return await self.post(case, url, self.fields(sid))


class WhatsAppReport(Report):
    medium = "whatsapp"


class CallReport(Report):
    medium = "voice"

    def fields(self, sid: str) -> Mapping[str, str]:
        is_own = self.created is not None and sid == self.created.sid
        return {"CallSid": sid, "CallStatus": "completed" if is_own else "busy"}


class MailReport(Outside):
    """A mail server says that the mailbox does not exist after all."""

    async def open(self) -> None:
        self.message_id = await mail_dana(self.harness)

    async def call(self, case: Case) -> httpx.Response:
        unknown = case == "unknown message"
        message_id = f"<{new_id()}@localhost>" if unknown else self.message_id
        receiver = "omar@example.com" if case == "somebody else" else "dana@example.com"
        # A mail has no signature: who passes it on has a key.
        headers = {} if case == "forged" else key("shop")
        return await self.api.post(
            REPORTS,
            content=write_report(message_id, receiver=receiver),
            headers={**MEDIA_TYPE, **headers},
        )


class Answer:
    """What the caller gets: the status, a part of the text; and what the story says at its end."""

    def __init__(self, status: int, text: str = "", last: str = "sent") -> None:
        self.status = status
        self.text = text
        self.last = last


_ACTED: Final = "acted_on"
_NOT_FOUND: Final = Answer(404, "notification-not-found")
_REFUSED: Final = Answer(401, "signature-refused")
_REPLY: Final[Mapping[Case, Answer]] = {
    "right": Answer(200, "Acknowledged", _ACTED),
    "forged": _REFUSED,
    "unknown message": Answer(200, "No message waits for your answer."),
    "somebody else": Answer(200, "<Response />"),
}
_REPORT: Final[Mapping[Case, Answer]] = {
    "right": Answer(204, last="delivered"),
    "forged": _REFUSED,
    "unknown message": _NOT_FOUND,
    "somebody else": Answer(204),
}
TABLE: Final[Mapping[type[Outside], Mapping[Case, Answer]]] = {
    SlackButton: {
        "right": Answer(200, last=_ACTED),
        "forged": _REFUSED,
        "unknown message": _NOT_FOUND,
        "somebody else": Answer(403, "not-paged"),
    },
    MailLink: {
        "right": Answer(200, last=_ACTED),
        "forged": Answer(401, "link-forged"),
        "unknown message": _NOT_FOUND,
        "somebody else": Answer(410, "link-void"),
    },
    TextReply: _REPLY,
    WhatsAppReply: _REPLY,
    CallKey: {
        "right": Answer(200, "Acknowledged", _ACTED),
        "forged": _REFUSED,
        "unknown message": Answer(200, "notification"),
        "somebody else": Answer(200, "not asked"),
    },
    Report: _REPORT,
    WhatsAppReport: _REPORT,
    CallReport: _REPORT,
    MailReport: {
        "right": Answer(204, last="failed"),
        "forged": Answer(401, "unauthenticated"),
        "unknown message": Answer(204),
        "somebody else": Answer(204),
    },
}
