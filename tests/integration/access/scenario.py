"""One service with something of everything in it, and a caller of each kind."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote

import httpx

from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import ContactReceived, Customer, SupervisorRequested
from common.contracts.event import ContactId, CustomerId, Event, PersonId, Role, TeamId
from common.contracts.people import PersonDescribed, Position
from common.core.health import Health
from common.core.ids import new_id
from common.core.metrics import Metrics
from common.http.tokens import TokenVerifier
from common.service.api_key_worker import ApiKeyWorker
from common.service.spec import application
from common.storage.api_keys import (
    SCOPES,
    ApiKeyStore,
    ListedKey,
    Scope,
    make_key,
    parse_key_list,
)
from common.storage.database import Database
from support.databases import Postgres, open_database
from support.documented_problems import require_documented
from support.openapi import examples_of
from support.people import described
from support.service_harness import ENCRYPTION_KEY, ServiceHarness, make_dispatcher
from support.tokens import ISSUER, Issuer

# `shop` received the contact and `rita` has it; kiosk and bruno have nothing to do with it. rita's
# supervisor is sara, who is on duty; sam is a supervisor elsewhere.
CALLERS: Final[Mapping[str, Role]] = {
    "shop": "channel",
    "kiosk": "channel",
    "rita": "representative",
    "bruno": "representative",
    "sara": "supervisor",
    "sam": "supervisor",
    "mia": "manager",
    "ops": "admin",
}
# Who puts the examples of OpenAPI into practice, beside those of the matrix.
_OTHERS: Final[Mapping[str, Role]] = {"marco": "manager", "dora": "manager"}
_ROLES: Final = {**CALLERS, **_OTHERS}
LINK_SECRET: Final = "E" * 43
_UNKNOWN: Final = ("request", "override", "swap", "simulation", "device", "write", "notification")
_DAYS: Final = (("tomorrow", 1), ("in_two_days", 2), ("in_four_days", 4))
KEYS: Final = {name: make_key() for name in _ROLES}
LISTED: Final = ",".join(f"{role}:{name}:{KEYS[name]}" for name, role in _ROLES.items())
SETTINGS: Final = {
    "sla-policies": "gold",
    "ladders": "default",
    "duty-schedules": "supervisors",
    "calendars": "office",
    "absences": "rita",
    "teams": "front",
    "approval-limits": "supervisor",
}


@dataclass
class Scenario:
    """A service in this process; `values` are those of the parameters in its paths."""

    service: str
    database: Database[Any]
    app: Any
    document: Mapping[str, Any]
    worker: ApiKeyWorker[Any]
    issuer: Issuer
    values: dict[str, str] = field(default_factory=dict)
    _calls: int = 0

    @property
    def operations(self) -> dict[str, Mapping[str, Any]]:
        """Return what OpenAPI says of each operation, by method and path."""
        return {
            f"{method.upper()} {path}": operation
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        }

    async def call(
        self,
        operation: str,
        key: str | None,
        body: Mapping[str, Any] | None = None,
        query: str = "",
    ) -> httpx.Response:
        """Call with valid values; `body` replaces fields of the example in OpenAPI."""
        method, path = operation.split()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        example = self._example(operation)
        changes = {
            name: value.format(**self.values) if isinstance(value, str) else value
            for name, value in (body or {}).items()
        }
        content = None if example is None else {**example, **changes}
        async with self._client() as client:
            return await client.request(
                method, self._filled(path) + query, json=content, headers=headers
            )

    async def send(
        self, operation: str, key: str, query: str = "", *, segment: str = "", **content: Any
    ) -> httpx.Response:
        """Call with what the caller gives; `segment` replaces the parameters in the path."""
        method, path = operation.split()
        address = re.sub(r"\{\w+\}", quote(segment), path) if segment else self._filled(path)
        headers = {"Authorization": f"Bearer {key}", **content.pop("headers", {})}
        async with self._client() as client:
            return await client.request(method, address + query, headers=headers, **content)

    def _client(self) -> httpx.AsyncClient:
        """Come from another address each time: one that often fails must wait."""
        self._calls += 1
        address = str(ip_address(self._calls)), 50_000
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=address)
        hooks = {"response": [require_documented(self.app)]}
        return httpx.AsyncClient(
            transport=transport, base_url=f"http://{self.service}", event_hooks=hooks
        )

    def _filled(self, path: str) -> str:
        segments = path.split("/")
        setting_id = SETTINGS.get(segments[2], "") if len(segments) > 2 else ""
        return path.format(**{"setting_id": setting_id, **self.values})

    def _example(self, operation: str) -> dict[str, Any] | None:
        content = self.operations[operation].get("requestBody", {}).get("content", {})
        media = content.get("application/json")
        if media is None:
            return None
        example: dict[str, Any] = examples_of(media)[0]
        return example

    async def act(self, caller: str, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {KEYS[caller]}"}
        async with self._client() as client:
            answer = await client.request(method, f"/v1{path}", json=body, headers=headers)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def handle(self, *events: Event) -> None:
        subscriptions = import_module(f"{self.service}.handlers").SUBSCRIPTIONS
        dispatcher = make_dispatcher(self.database, subscriptions)
        await ServiceHarness(self.database, dispatcher).handle_events(*events)

    async def add_key(
        self, role: Role, *, scopes: tuple[Scope, ...] = SCOPES, days: int = 1, by: str = ""
    ) -> str:
        """Add a key that ends after so many days; revoked, if `by` revokes it."""
        key = make_key()
        async with self.database.transaction() as uow:
            store = ApiKeyStore(uow.connection)
            added = await store.add(
                ListedKey(role, "ops", key),
                scopes=scopes,
                origin="command",
                by="test",
                now=uow.now,
                expires_at=uow.now + timedelta(days=days),
            )
            assert added
            if by:
                await store.revoke(added.key_id, by=by, now=uow.now)
        await self.worker.refresh()
        return key

    def expire_keys(self) -> None:
        """Let the keys end that were added."""
        self.database.clock.offset += timedelta(days=2)


@asynccontextmanager
async def open_scenario(
    postgres: Postgres, database_name: str, service: str
) -> AsyncIterator[Scenario]:
    async with open_empty_scenario(postgres, database_name, service) as scenario:
        now = await _now(scenario)
        values = scenario.values
        values.update(letter_id="1", key_id="000000000000", token="forged", source="channel:shop")
        values.update(kind="zendesk", connection="acme", scope="topic", name="billing")
        values.update(medium="email", reason="raised", language="de", version="1000")
        values.update(dict.fromkeys(("person_id", "representative_id"), "rita"))
        values.update({f"{name}_id": new_id() for name in _UNKNOWN})
        values.update({name: (now + timedelta(days=days)).isoformat() for name, days in _DAYS})
        await _PREPARE[service](scenario)
        yield scenario


@asynccontextmanager
async def open_empty_scenario(
    postgres: Postgres, database_name: str, service: str
) -> AsyncIterator[Scenario]:
    settings = import_module(f"{service}.settings").Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "trial": True,
            "api_keys": LISTED,
            **dict.fromkeys(("link_secret", "feed_secret", "web_push_key"), LINK_SECRET),
            "encryption_keys": ENCRYPTION_KEY,
            "token_issuers": [ISSUER.model_dump()],
            "status_webhook_trusted_hosts": ["127.0.0.1"],
        }
    )
    spec = import_module(f"{service}.main").build(settings)
    async with open_database(postgres, database_name, service, spec.unit_of_work) as database:
        app = application(spec, settings, database, Metrics())
        issuer, state, listed = Issuer(), app.state, parse_key_list(LISTED)
        state.tokens = TokenVerifier([ISSUER], database.clock, issuer.fetch)
        worker = ApiKeyWorker(database, state.api_keys, state.tokens, listed, Health())
        await worker.refresh()
        yield Scenario(service, database, app, app.openapi(), worker, issuer)


async def _prepare_intake(scenario: Scenario) -> None:
    contact = {
        "channel": "chat",
        "customer": {"customer_id": "c-81"},
        "subject": "Charged twice",
        "topic": "billing",
        "language": "en",
    }
    answer = await scenario.act("shop", "POST", "/contacts", contact)
    contact_id = answer["contact_id"]
    await scenario.handle(_assigned(await _now(scenario), ContactId(contact_id)))
    await scenario.act("rita", "POST", f"/contacts/{contact_id}/resolve", {"note": "Refunded"})
    survey = {"survey_id": "s-1", "kind": "csat"}
    await scenario.act("shop", "POST", f"/contacts/{contact_id}/surveys", survey)
    await scenario.act("shop", "POST", f"/contacts/{contact_id}/reopen", {"reason": "Again"})
    shown = await scenario.act("shop", "GET", f"/contacts/{contact_id}")
    connection = {"secret": "a-secret-of-this-scenario"}
    await scenario.act("mia", "PUT", "/channels/zendesk/acme", connection)
    scenario.values.update(
        contact_id=contact_id,
        survey_id="s-1",
        secret="4f1d8a70c2b94e6fa3571d0c",
        customer_id=shown["customer_id"],
    )


async def _prepare_router(scenario: Scenario) -> None:
    for name, role, manager in _LINE:
        person = {
            "name": name,
            "roles": [role],
            "team_id": "back" if "sam" in (name, manager) else "front",
            "reports_to": manager,
            "skills": ["billing"],
            "languages": ["en"],
        }
        await scenario.act("ops", "PUT", f"/people/{name}", person)
    for name in ("rita", "bruno"):
        await scenario.act("mia", "PUT", f"/representatives/{name}", {"capacity": 1})
    await scenario.act("rita", "PUT", "/representatives/rita/presence", {"presence": "available"})
    received = _received(await _now(scenario))
    await scenario.handle(received)
    assignment = await scenario.act("mia", "GET", f"/assignments/{received.contact_id}")
    assert assignment["representative_id"] == "rita"
    scenario.values["contact_id"] = received.contact_id


async def _prepare_escalation(scenario: Scenario) -> None:
    # sara is on duty now, and sam tomorrow.
    starts_at = (await _now(scenario) - timedelta(hours=1)).isoformat()
    rotation = {"zone": "UTC", "starts_at": starts_at, "shift_s": 86400}
    # marco and dora are named by the examples of settings.
    await scenario.handle(*_people(), described("marco"), described("dora"))
    await scenario.act("ops", "PUT", "/approval-limits/manager", {"unlimited": True})
    for path, body in (
        ("absences/rita", {"absences": []}),
        ("duty-schedules/supervisors", {"rotations": [{**rotation, "members": ["sara", "sam"]}]}),
        ("ladders/default", {"levels": _LEVELS, "lease_s": 900, "working_lease_s": 900}),
        ("sla-policies/gold", _POLICY),
        ("calendars/office", {"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}),
        ("teams/front", {"supervisors": ["sara"]}),
        ("approval-limits/supervisor", {"limits": {"EUR": "100.00"}}),
    ):
        await scenario.act("mia", "PUT", f"/{path}", body)
    # sara asks sam to swap their turns.
    swap = {
        "first": "sara",
        "second": "sam",
        "from": scenario.values["tomorrow"],
        "until": scenario.values["in_four_days"],
    }
    await scenario.act("sara", "POST", "/duty-schedules/supervisors/swaps", swap)
    path = "/duty-schedules/supervisors/change-requests"
    (request,) = (await scenario.act("sara", "GET", path))["items"]
    scenario.values["request_id"] = request["request_id"]
    # About the other contact rita complains, of sara.
    other, its_escalation = await _escalate(scenario)
    await scenario.act("sara", "POST", f"/escalations/{its_escalation}/acknowledge")
    about = {"contact_id": other, "reason": "She shouted", "about": "sara"}
    await scenario.act("rita", "POST", "/escalations", about)
    (complaint,) = (await scenario.act("rita", "GET", "/complaints"))["items"]
    contact_id, escalation_id = await _escalate(scenario)
    scenario.values.update(
        contact_id=contact_id,
        escalation_id=escalation_id,
        complaint_id=complaint["complaint_id"],
    )


async def _escalate(scenario: Scenario) -> tuple[ContactId, str]:
    """Escalate a contact of rita; return it and the escalation."""
    received = _received(await _now(scenario))
    contact_id = received.contact_id
    requested = SupervisorRequested(
        contact_id=contact_id, occurred_at=received.occurred_at, quote="Your boss, please"
    )
    await scenario.handle(received, _assigned(received.occurred_at, contact_id), requested)
    (escalation,) = (await scenario.act("mia", "GET", f"/escalations?contact_id={contact_id}"))[
        "items"
    ]
    return contact_id, escalation["escalation_id"]


async def _prepare_notifier(scenario: Scenario) -> None:
    await scenario.handle(*_people())
    for name in ("rita", "bruno", "sara", "mia"):
        media = [{"medium": "email", "address": f"{name}@example.com"}]
        await scenario.act("ops", "PUT", f"/recipients/{name}", {"name": name, "media": media})
    webhook = {"url": "https://127.0.0.1:9/statuses"}
    await scenario.act("ops", "PUT", f"/status-webhooks/{scenario.values['source']}", webhook)


_PREPARE: Final[Mapping[str, Callable[[Scenario], Awaitable[None]]]] = {
    "intake": _prepare_intake,
    "router": _prepare_router,
    "escalation": _prepare_escalation,
    "notifier": _prepare_notifier,
}
_LEVELS: Final = [
    {"name": name, "acknowledge_within_s": 3600, "who": [who]}
    for name, who in (
        ("supervisors", {"kind": "duty", "schedule_id": "supervisors"}),
        ("managers", {"kind": "person", "person_id": "mia"}),
    )
]
_LINE: Final[tuple[tuple[str, Position, PersonId | None], ...]] = (
    ("mia", "manager", None),
    ("sara", "supervisor", PersonId("mia")),
    ("sam", "supervisor", PersonId("mia")),
    ("rita", "representative", PersonId("sara")),
    ("bruno", "representative", PersonId("sam")),
)


def _people() -> list[PersonDescribed]:
    return [described(person, manager, roles=[role]) for person, role, manager in _LINE]


_POLICY: Final = {
    "targets": [{"clock": "resolution", "target_s": 100_000}],
    "ladder_id": "default",
    "severity": "medium",
}


async def _now(scenario: Scenario) -> Any:
    async with scenario.database.transaction() as uow:
        return uow.now


def _received(now: Any) -> ContactReceived:
    return ContactReceived(
        contact_id=ContactId(new_id()),
        occurred_at=now,
        channel="chat",
        customer=Customer(customer_id=CustomerId("c-81")),
        subject="Charged twice",
        topic_of_contact="billing",
        language="en",
        priority="high",
    )


def _assigned(now: Any, contact_id: ContactId) -> ContactAssigned:
    return ContactAssigned(
        contact_id=contact_id,
        occurred_at=now,
        representative_id=PersonId("rita"),
        team_id=TeamId("front"),
        reason="free",
    )
