"""The people and the channel that call the services, each with an API key of its own."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson

from common.core.clock import TimeSource
from common.http.examples import PEOPLE, contact_method
from common.storage.api_keys import make_key
from devstack import Progress, Stack
from stage.console import WebConsole
from stage.sample_settings import (
    APPROVAL_LIMITS,
    ASKED_FIRST,
    DUTIES,
    LADDER,
    NAMES,
    PATIENT_LADDER,
    POLICIES,
    ROLES,
    ZENDESK_CONNECTION,
)
from stage.system import System, open_receivers

# So long an assignment or a person may take from the router to the other services.
HEARS_OF_IT_S = 10
_SUCCESS = (200, 201, 202, 204)


class RefusedError(AssertionError):
    """A service answered with an unexpected status."""

    def __init__(self, answer: httpx.Response) -> None:
        request = f"{answer.request.method} {answer.request.url}"
        super().__init__(f"{request} answered {answer.status_code}: {answer.text}")
        self.status = answer.status_code


class Actors:
    """Calls the services as these people; `roles` are those of their API keys."""

    def __init__(self, roles: Mapping[str, str] = ROLES) -> None:
        self._roles = roles
        self._keys = {name: make_key() for name in roles}
        self.zendesk_secret = secrets.token_urlsafe(24)
        self.clients: dict[str, httpx.AsyncClient] = {}

    @property
    def api_keys(self) -> str:
        return ",".join(f"{role}:{name}:{self._keys[name]}" for name, role in self._roles.items())

    def key(self, name: str) -> str:
        return self._keys[name]

    def connect(self, system: System) -> None:
        self.clients = {
            service: httpx.AsyncClient(base_url=system.url(service), timeout=60, trust_env=False)
            for service in system.ports
        }

    async def close(self) -> None:
        for client in self.clients.values():
            await client.aclose()

    async def call(
        self,
        person: str,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: tuple[int, ...] = _SUCCESS,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Call as this person; raises RefusedError for a status that is not expected."""
        send = partial(self.send, person, service, method, path, body, headers=headers)
        return read_answer(await _send_until_heard(send), expect)

    async def send(
        self,
        person: str,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send once as this person, and return the answer whatever its status."""
        return await self.clients[service].request(
            method,
            f"/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self._keys[person]}", **(headers or {})},
        )

    async def deliver_zendesk_ticket(
        self, ticket: dict[str, Any], *, delivery_id: str | None = None
    ) -> Any:
        """Deliver a `ticket.created` webhook with Zendesk's signature."""
        timestamp = TimeSource().utc_now().isoformat()
        body = orjson.dumps(
            {
                "account_id": 22129848,
                "id": delivery_id or str(uuid4()),
                "type": "zen:event-type:ticket.created",
                "time": timestamp,
                "subject": f"zen:ticket:{ticket['id']}",
                "zendesk_event_version": "2022-11-06",
                "detail": ticket,
                "event": {},
            }
        )
        mac = hmac.new(self.zendesk_secret.encode(), timestamp.encode() + body, hashlib.sha256)
        answer = await self.clients["intake"].post(
            f"/v1/channels/zendesk/{ZENDESK_CONNECTION}",
            content=body,
            headers={
                "X-Zendesk-Webhook-Signature": base64.b64encode(mac.digest()).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            },
        )
        return read_answer(answer, (200,))

    async def press_link(self, link: str) -> tuple[str, str]:
        """Open a signed link from a message and press the button on its page."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.get(link, headers={"Accept": "text/html"})
            page.raise_for_status()
            result = await browser.post(link, headers={"Accept": "text/html"})
            result.raise_for_status()
        return page.text, result.text

    async def _put_escalation_settings(self) -> None:
        for duty, members in DUTIES.items():
            rotation = {
                "zone": "Europe/Madrid",
                "starts_at": (datetime(2026, 1, 1, tzinfo=UTC)).isoformat(),
                "shift_s": timedelta(days=7).total_seconds(),
                "members": members,
            }
            body = {"rotations": [rotation]}
            await self.call("ops", "escalation", "PUT", f"/duty-schedules/{duty}", body)
        for role, limit in APPROVAL_LIMITS.items():
            await self.call("ops", "escalation", "PUT", f"/approval-limits/{role}", limit)
        for ladder, levels in (("default", LADDER), ("patient", PATIENT_LADDER)):
            await self.call("ops", "escalation", "PUT", f"/ladders/{ladder}", levels)
        for policy, terms in POLICIES.items():
            await self.call("ops", "escalation", "PUT", f"/sla-policies/{policy}", terms)

    async def _put_person(self, person: str, fields: Mapping[str, Any]) -> None:
        methods = [contact_method(person, "slack")]
        if ROLES[person] != "representative":
            methods.append(contact_method(person, "email"))
        entry = {**fields, "name": NAMES[person], "contact_methods": methods}
        await self.call("ops", "router", "PUT", f"/people/{person}", entry)
        if "representative" in fields["roles"]:
            place = f"/representatives/{person}"
            workload = {"capacity": 5, "auto_accept": person not in ASKED_FIRST}
            await self.call("ops", "router", "PUT", place, workload)
            presence = {"presence": "available"}
            await self.call(person, "router", "PUT", f"{place}/presence", presence)

    async def put_people(self) -> None:
        """Put the people, who are available, with their usual workload."""
        for person, fields in PEOPLE.items():
            await self._put_person(person, fields)

    async def put_sample_settings(self) -> None:
        """Put the people, duty schedules, ladders, policies and the Zendesk connection."""
        await self.put_people()
        await self._put_escalation_settings()
        operations = {
            "name": "Operations",
            "media": [{"medium": "email", "address": "operations@example.com"}],
        }
        await self.call("ops", "notifier", "PUT", "/recipients/operations", operations)
        connection = {
            "secret": self.zendesk_secret,
            "options": {
                "topic_by_tag": {"invoice": "billing"},
                "language_by_tag": {"lang_es": "es"},
            },
        }
        await self.call(
            "ops", "intake", "PUT", f"/channels/zendesk/{ZENDESK_CONNECTION}", connection
        )

    async def put_status_webhook(self, url: str) -> None:
        """Let the channel be told there what becomes of its contacts."""
        await self.call("ops", "notifier", "PUT", "/status-webhooks/channel:shop", {"url": url})


def read_answer(answer: httpx.Response, expect: tuple[int, ...] = _SUCCESS) -> Any:
    """Return the content; raises RefusedError for a status that is not expected."""
    if answer.status_code not in expect:
        raise RefusedError(answer)
    return answer.json() if answer.content else None


async def _send_until_heard(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send; again for a while if the service has not heard yet of a person or an assignment."""
    clock = asyncio.get_running_loop().time
    until = clock() + HEARS_OF_IT_S
    while True:
        answer = await send()
        if not (_is_not_yet_theirs(answer) or has_unknown_person(answer)) or clock() > until:
            return answer
        await asyncio.sleep(0.05)


def _is_not_yet_theirs(answer: httpx.Response) -> bool:
    if answer.status_code != httpx.codes.FORBIDDEN:
        return False
    return str(answer.json()["type"]).endswith(":not-your-contact")


def has_unknown_person(answer: httpx.Response) -> bool:
    """Tell whether the service refuses a person of whom it may hear in a moment."""
    if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
        return False
    return "put that person in router first" in answer.text


@asynccontextmanager
async def running_system(
    stack: Stack,
    logs: Path,
    progress: Progress | None = None,
    *,
    empty: bool = False,
    roles: Mapping[str, str] = ROLES,
    console: WebConsole | None = None,
) -> AsyncIterator[tuple[System, Actors]]:
    """Run the services with the sample settings; if `empty`, with nothing but the API keys."""
    progress = progress or Progress()
    actors = Actors(roles)
    async with open_receivers() as receivers:
        system = System(stack, receivers, actors.api_keys, logs, progress=progress, console=console)
        await system.set_up()
        try:
            system.launch()
            await system.wait_ready()
            actors.connect(system)
            if not empty:
                with progress.step("Loading the sample people and settings"):
                    await actors.put_sample_settings()
            yield system, actors
        finally:
            await actors.close()
            system.stop()
