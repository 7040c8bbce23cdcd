"""Who works here and by which rules, in the demo and in the acceptance tests: times are short."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson

from common.clock import Clock
from devstack import Stack
from stage.system import System, outside

ZENDESK = "acme"
# Role of each person; the key of each is its own name and a secret of this run.
ROLES = {
    "shop": "channel",
    "rita": "representative",
    "bruno": "representative",
    "chen": "representative",
    "sara": "supervisor",
    "marco": "manager",
    "dora": "manager",
    "ops": "admin",
}
NAMES = {
    "rita": "Rita Rossi",
    "bruno": "Bruno Bravo",
    "chen": "Chen Wei",
    "sara": "Sara Singh (supervisor)",
    "marco": "Marco Mendes (manager)",
    "dora": "Dora Diaz (director)",
}
REPRESENTATIVES: dict[str, dict[str, Any]] = {
    "rita": {"team_id": "care", "skills": ["billing", "returns"], "languages": ["en"]},
    "bruno": {"team_id": "care", "skills": ["billing"], "languages": ["es", "en"]},
    "chen": {"team_id": "care", "skills": ["shipping"], "languages": ["en"], "auto_accept": False},
}
DUTIES = {"supervisors": ["sara"], "managers": ["marco"], "directors": ["dora"]}
LADDER = {
    "lease_s": 60,
    "working_lease_s": 600,
    "levels": [
        {
            "name": "supervisor",
            "acknowledge_within_s": 2,
            "who": [{"kind": "duty", "schedule_id": "supervisors"}],
        },
        {
            "name": "manager",
            "acknowledge_within_s": 15,
            "who": [{"kind": "duty", "schedule_id": "managers"}],
        },
        {
            "name": "director",
            "acknowledge_within_s": 15,
            "who": [
                {"kind": "duty", "schedule_id": "directors"},
                {"kind": "person", "person_id": "dora"},
            ],
        },
    ],
}
# The supervisor gets time to act: in these stories nobody is to climb past a person who acts.
PATIENT_LADDER = {
    **LADDER,
    "levels": [{**level, "acknowledge_within_s": 20} for level in LADDER["levels"]],  # type: ignore[attr-defined]  # a literal of mixed values
}
POLICIES: dict[str, dict[str, Any]] = {
    "billing": {
        "match": {"topic": ["billing"]},
        "ladder_id": "default",
        "severity": "high",
        "targets": [
            {"clock": "assignment", "target_s": 10},
            {
                "clock": "first_response",
                "target_s": 3,
                "thresholds": [{"action": "warn_representative", "at_percent": 60}],
            },
            {"clock": "resolution", "target_s": 600},
        ],
    },
    "returns": {
        "match": {"topic": ["returns"]},
        "ladder_id": "patient",
        "severity": "medium",
        "targets": [
            {"clock": "assignment", "target_s": 10},
            {"clock": "first_response", "target_s": 3},
            {"clock": "resolution", "target_s": 600},
        ],
    },
    "standard": {
        "match": {},
        "ladder_id": "patient",
        "severity": "medium",
        "targets": [
            {"clock": "assignment", "target_s": 20},
            {
                "clock": "first_response",
                "target_s": 30,
                "thresholds": [{"action": "warn_representative", "at_percent": 75}],
            },
            {"clock": "resolution", "target_s": 600},
        ],
    },
}


class RefusedError(AssertionError):
    """A service answered with another status than the story says."""


class Cast:
    """The people, each calling the services with a key of their own."""

    def __init__(self) -> None:
        self._keys = {name: f"{name}-{secrets.token_urlsafe(12)}" for name in ROLES}
        self.zendesk_secret = secrets.token_urlsafe(24)
        self._clients: dict[str, httpx.AsyncClient] = {}

    @property
    def api_keys(self) -> str:
        return ",".join(f"{role}:{name}:{self._keys[name]}" for name, role in ROLES.items())

    def key(self, name: str) -> str:
        return self._keys[name]

    def enter(self, system: System) -> None:
        self._clients = {
            service: httpx.AsyncClient(base_url=system.url(service), timeout=60, trust_env=False)
            for service in system.ports
        }

    async def leave(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def call(
        self,
        who: str,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        expect: tuple[int, ...] = (200, 201, 202, 204),
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Call as `who`; raises RefusedError unless the status is one that is expected."""
        answer = await self._clients[service].request(
            method,
            f"/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self._keys[who]}", **(headers or {})},
        )
        return self._read(answer, expect)

    async def zendesk(self, ticket: dict[str, Any], *, delivery_id: str | None = None) -> Any:
        """Deliver a `ticket.created` webhook, signed as Zendesk signs."""
        timestamp = Clock().wall().isoformat()
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
        answer = await self._clients["intake"].post(
            f"/v1/channels/zendesk/{ZENDESK}",
            content=body,
            headers={
                "X-Zendesk-Webhook-Signature": base64.b64encode(mac.digest()).decode(),
                "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            },
        )
        return self._read(answer, (200,))

    def _read(self, answer: httpx.Response, expect: tuple[int, ...]) -> Any:
        if answer.status_code not in expect:
            request = f"{answer.request.method} {answer.request.url}"
            message = f"{request} answered {answer.status_code}: {answer.text}"
            raise RefusedError(message)
        return answer.json() if answer.content else None

    async def follow(self, link: str) -> tuple[str, str]:
        """Open a signed link from a message and press its button, as a person with a browser."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.get(link, headers={"Accept": "text/html"})
            page.raise_for_status()
            done = await browser.post(link, headers={"Accept": "text/html"})
            done.raise_for_status()
        return page.text, done.text

    async def set_the_rules(self) -> None:
        """Put people, duties, ladders, policies and the Zendesk connection in place."""
        for who, what in REPRESENTATIVES.items():
            representative = {"name": NAMES[who], "capacity": 5, **what}
            await self.call("ops", "router", "PUT", f"/representatives/{who}", representative)
            presence = {"state": "available"}
            await self.call(who, "router", "PUT", f"/representatives/{who}/presence", presence)
        for duty, members in DUTIES.items():
            rotation = {
                "zone": "Europe/Madrid",
                "starts_at": (datetime(2026, 1, 1, tzinfo=UTC)).isoformat(),
                "shift_s": timedelta(days=7).total_seconds(),
                "members": members,
            }
            body = {"rotations": [rotation]}
            await self.call("ops", "escalation", "PUT", f"/duty-schedules/{duty}", body)
        for ladder, levels in (("default", LADDER), ("patient", PATIENT_LADDER)):
            await self.call("ops", "escalation", "PUT", f"/ladders/{ladder}", levels)
        for policy, promises in POLICIES.items():
            await self.call("ops", "escalation", "PUT", f"/sla-policies/{policy}", promises)
        for who, name in NAMES.items():
            media: list[dict[str, str]] = [
                {"medium": "slack", "channel": f"D0{who.upper()}", "user_id": f"U0{who.upper()}"}
            ]
            if ROLES[who] != "representative":
                media.append({"medium": "email", "address": f"{who}@example.com"})
            recipient = {"name": name, "media": media}
            await self.call("ops", "notifier", "PUT", f"/recipients/{who}", recipient)
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
        await self.call("ops", "intake", "PUT", f"/channels/zendesk/{ZENDESK}", connection)


@asynccontextmanager
async def staged(stack: Stack, logs: Path) -> AsyncIterator[tuple[System, Cast]]:
    """Set up and start the four services with the sample rules; stop them on leaving."""
    cast = Cast()
    async with outside() as receivers:
        system = System(stack, receivers, cast.api_keys, logs)
        await system.set_up()
        try:
            system.launch()
            await system.wait_ready()
            cast.enter(system)
            await cast.set_the_rules()
            yield system, cast
        finally:
            await cast.leave()
            system.stop()
