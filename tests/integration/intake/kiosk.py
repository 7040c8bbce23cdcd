"""A kind of channel made up here: a terminal in a lobby."""

import hmac
from datetime import datetime
from typing import Any, Literal

import httpx
import orjson
from pydantic import BaseModel

from common.contracts.event import CustomerId
from common.http.webhooks import BadSignatureError
from intake.channels.base import (
    Channel,
    ChannelEvent,
    ChannelOptions,
    ContactLeft,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    CustomerMessageAdded,
    ExternalContact,
    PriorityChanged,
    Reply,
    RepresentativeMessageAdded,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.fields import read_json
from intake.domain.customers import CustomerStatement
from intake.domain.model import ChannelConnection
from integration.intake.harness import (
    key,
)

PATH = "/v1/channels/kiosk/lobby"
SECRET = "a-kiosk-secret"
Happening = Literal[
    "came", "said", "answered", "waits", "done", "left", "back", "urgent", "cleaned"
]


class KioskOptions(ChannelOptions):
    topic: str


class KioskUpdate(BaseModel):
    id: str
    visitor: str
    happening: Happening
    text: str = ""


class KioskBody(BaseModel):
    updates: list[KioskUpdate]


class Kiosk:
    """A terminal in a lobby: it sends several updates at once, with its secret as a header."""

    kind = "kiosk"
    proof = "The kiosk shows the secret in X-Kiosk-Secret."
    options = KioskOptions

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, _now: datetime
    ) -> None:
        if not hmac.compare_digest(connection.secret, request.headers.get("x-kiosk-secret", "")):
            raise BadSignatureError

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        options = KioskOptions.model_validate(connection.options)
        body = read_json(request.body, KioskBody)
        return [_event(update, options) for update in body.updates]

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None


def _event(update: KioskUpdate, options: KioskOptions) -> ChannelEvent:
    contact = ExternalContact(
        ref=update.visitor,
        channel="chat",
        customer=CustomerStatement(customer_id=CustomerId(f"kiosk:{update.visitor}")),
        subject="A visitor",
        topic=options.topic,
        language="en",
        priority="normal",
    )
    fields = (update.id, update.happening, contact)
    events: dict[Happening, ChannelEvent] = {
        "came": ContactOpened(*fields),
        "said": CustomerMessageAdded(*fields, update.text),
        "answered": RepresentativeMessageAdded(*fields, update.text, automatic=True),
        "waits": ContactSetPending(*fields),
        "done": ContactSolved(*fields, "solved at the kiosk"),
        "left": ContactLeft(*fields, "left the lobby"),
        "back": ContactSetOpen(*fields, "came back"),
        "urgent": PriorityChanged(*fields, "urgent", "a child is alone"),
        "cleaned": UnrelatedUpdate(*fields),
    }
    return events[update.happening]


KIOSK: Channel = Kiosk()


async def connect(
    api: httpx.AsyncClient, path: str, options: dict[str, Any], caller: str = "admin"
) -> httpx.Response:
    body = {"secret": SECRET, "options": options}
    return await api.put(path, json=body, headers=key(caller))


async def send(
    kiosk: httpx.AsyncClient, *updates: tuple[str, str, Happening], path: str = PATH
) -> httpx.Response:
    body = orjson.dumps(
        {
            "updates": [
                {
                    "id": update_id,
                    "visitor": visitor,
                    "happening": happening,
                    "text": f"text of {update_id}",
                }
                for update_id, visitor, happening in updates
            ]
        }
    )
    return await kiosk.post(path, content=body, headers={"X-Kiosk-Secret": SECRET})
