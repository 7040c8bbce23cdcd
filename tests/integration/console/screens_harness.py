"""The console with the real escalation behind it, and a contact that is escalated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
from fastapi import FastAPI

from common.contracts.contacts import SupervisorRequested
from common.core.metrics import Metrics
from common.http.tokens import TokenVerifier
from common.service.spec import application
from escalation import handlers
from escalation.main import build
from escalation.settings import Settings
from integration.console.harness import (
    KEYS,
    PEOPLE,
    SAME_ORIGIN,
    ConsoleHarness,
    Unreachable,
    token_issuer,
)
from integration.escalation.conftest import POLICY, EscalationHarness, assigned
from support.databases import Postgres, open_database
from support.people import described
from support.service_harness import make_dispatcher

LADDER = {
    "levels": [
        {
            "name": "supervisors",
            "acknowledge_within_s": 300,
            "who": [{"kind": "person", "person_id": "sara"}],
        },
        {
            "name": "managers",
            "acknowledge_within_s": 300,
            "who": [{"kind": "person", "person_id": "mia"}],
        },
    ],
    "lease_s": 900,
    "working_lease_s": 3600,
}
SETTINGS = (
    ("ladders/default", LADDER),
    ("sla-policies/gold", POLICY),
    ("approval-limits/manager", {"limits": {"EUR": "1000"}}),
    ("approval-limits/supervisor", {"limits": {"EUR": "100"}}),
)


@dataclass
class Screens:
    console: ConsoleHarness
    service: EscalationHarness
    api: httpx.AsyncClient
    app: FastAPI
    people: set[str] = field(default_factory=lambda: {*PEOPLE})

    def admit(self, person: str) -> None:
        """Let escalation know one more person."""
        self.people.add(person)
        self._admit()

    def dismiss(self, person: str) -> None:
        """Let escalation hear that the person has left."""
        self.people.discard(person)
        self._admit()

    def _admit(self) -> None:
        # A worker of the service reads them from its table.
        tokens: TokenVerifier = self.app.state.tokens
        tokens.admit(self.people)

    async def escalate(self, quote: str = "Your boss, please.", **contact: Any) -> str:
        """Let a customer ask for a supervisor, and return the escalation's id."""
        received = await self.service.received(**contact)
        request = SupervisorRequested(
            contact_id=received.contact_id, occurred_at=received.occurred_at, quote=quote
        )
        await self.service.handle_events(received, assigned(received), request)
        listed = await self.api.get("/v1/escalations", params={"contact_id": received.contact_id})
        (shown,) = listed.json()["items"]
        return str(shown["escalation_id"])

    async def show(self, escalation_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.api.get(f"/v1/escalations/{escalation_id}")).json()
        return shown

    def break_off(self, service: Any) -> None:
        """Let a service be down from now on."""
        transport = Unreachable()
        client = httpx.AsyncClient(transport=transport, base_url=f"http://{service}")
        self.console.clients[service] = client


class Browser:
    """A person's browser on one escalation, without scripts."""

    def __init__(self, client: httpx.AsyncClient, escalation_id: str) -> None:
        self.client = client
        self.place = f"/e/{escalation_id}"

    async def read(self, query: str = "") -> str:
        answer = await self.client.get(f"{self.place}{query}")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def open_form(self, action: str) -> dict[str, str]:
        """Return the hidden fields of a form."""
        page = await self.client.get(f"{self.place}/{action}")
        assert page.status_code == 200, page.text
        return {name: _value_of(page.text, name) for name in ("version", "submission")}

    async def send(
        self, action: str, fields: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        return await self.client.post(
            f"{self.place}/{action}", data=fields or {}, headers={**SAME_ORIGIN, **headers}
        )


async def browser_of(screens: Screens, person: str = "sara", escalation_id: str = "") -> Browser:
    """Return a person's browser on an escalation, on a new one unless it is named."""
    return Browser(await screens.console.enter(person), escalation_id or await screens.escalate())


def _value_of(html: str, name: str) -> str:
    _, _, rest = html.partition(f'name="{name}" value="')
    return unescape(rest.partition('"')[0])


@asynccontextmanager
async def open_screens(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Screens]:
    """Open escalation for the console, with its people, a policy, a ladder and a limit."""
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "trial": True,
            "api_keys": KEYS.setting_value,
            "token_issuers": [token_issuer(console.key)],
        }
    )
    spec = build(settings)
    clock = console.database.clock
    async with open_database(
        postgres, database_name, "escalation", spec.unit_of_work, clock
    ) as database:
        app = application(spec, settings, database, Metrics())
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://escalation") as api:
            service = EscalationHarness(database, make_dispatcher(database, handlers.SUBSCRIPTIONS))
            await service.handle_events(
                *(described(person, team_id="front") for person in (*PEOPLE, "kim"))
            )
            api.headers.update(KEYS("ops"))
            for path, body in SETTINGS:
                answer = await api.put(f"/v1/{path}", json=body)
                assert answer.is_success, answer.text
            console.clients["escalation"] = api
            screens = Screens(console, service, api, app)
            screens.admit("sara")
            yield screens
