"""The system under test: its people and rules, and clients that call until they are answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from devstack import Stack
from stage.actors import Actors
from stage.invariants import (
    Sources,
    Verdict,
    check,
    count_receipts,
    read_snapshot,
    wait_until_settled,
)
from stage.sample_settings import DUTIES
from stage.system import SERVICES, Proxies, System, open_receivers

LONG_S = 3600
SHORT_S = 1.5
SUPERVISORS = ("sara", "marco", "dora")
SKILLS = ["billing", "shipping", "urgent"]
# A service that answers nobody at all for so long will not come back.
STALLED_AFTER_S = 300
# A call whose answer was lost is made again after this.
CALL_TIMEOUT_S = 5
READY_WITHIN_S = 300
SETTLED_WITHIN = timedelta(minutes=10)
RETRY_S = 0.1
AVOID_S = 1
CONCURRENT_CALLS = 16


class StalledServiceError(Exception):
    """A service has answered nobody for minutes."""

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} has answered nobody for {STALLED_AFTER_S} s")


@dataclass
class Endpoint:
    """A replica as its clients see it: avoided for a while when it did not answer."""

    client: httpx.AsyncClient
    avoided_until: float = 0
    last_used: int = 0


@dataclass
class LoadBalancer:
    """The replicas of one service, in turn."""

    endpoints: Sequence[Endpoint]
    timeout_s: float = 3 * CALL_TIMEOUT_S
    answered_at: float = 0
    _used: int = 0

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response | None:
        """Return an answer that is one: not a broken connection, not a 5xx."""
        clock = asyncio.get_running_loop().time
        now = clock()
        endpoint = min(
            self.endpoints, key=lambda each: (max(0, each.avoided_until - now), each.last_used)
        )
        self._used += 1
        endpoint.last_used = self._used
        try:
            answer = await endpoint.client.request(
                method, path, timeout=self.timeout_s, **arguments
            )
        except httpx.TransportError:
            endpoint.avoided_until = clock() + AVOID_S
            return None
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return None
        self.answered_at = clock()
        return answer


@dataclass(frozen=True)
class Clients:
    """Everyone who calls the services. A client that gets no answer calls again, as channels do."""

    cast: Actors
    services: Mapping[str, LoadBalancer]
    slots: Mapping[str, asyncio.Semaphore] = field(
        default_factory=lambda: {
            service: asyncio.Semaphore(CONCURRENT_CALLS) for service in SERVICES
        }
    )

    async def call(
        self,
        who: str,
        service: str,
        method: str,
        path: str,
        body: object = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Call until there is an answer, however long that takes on a slow machine.

        Raises StalledServiceError when the service has answered no client for minutes.
        """
        headers = {"Authorization": f"Bearer {self.cast.key(who)}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        clock = asyncio.get_running_loop().time
        # A slot is kept until the answer: a service that is down is not called by thousands.
        async with self.slots[service]:
            begun = clock()
            while True:
                answer = await self.services[service].request(
                    method, f"/v1{path}", json=body, headers=headers
                )
                if answer is not None:
                    return answer
                if clock() - max(begun, self.services[service].answered_at) > STALLED_AFTER_S:
                    raise StalledServiceError(service)
                await asyncio.sleep(RETRY_S)

    def set_call_timeout(self, seconds: float) -> None:
        for service in self.services.values():
            service.timeout_s = seconds

    async def require(self, who: str, service: str, method: str, path: str, body: object) -> None:
        answer = await self.call(who, service, method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"


@dataclass(frozen=True)
class SystemUnderTest:
    system: System
    clients: Clients

    @property
    def sources(self) -> Sources:
        system = self.system
        return Sources(system.admin_url, system.stack.kafka_bootstrap, system.namespace)

    async def settle(self, within: timedelta = SETTLED_WITHIN) -> None:
        """Wait until nothing moves. The caller has started again what had died."""
        await wait_until_settled(self.sources, within=within)

    async def verdict(self, accepted: Mapping[str, str], poison: Collection[str] = ()) -> Verdict:
        """Check all invariants.

        `accepted` are contact ids by their idempotency key; `poison` are the places of records
        that no service can handle.
        """
        slack, mail = self.system.receivers.slack, self.system.receivers.mail
        received = count_receipts((post.body for post in slack.accepted), mail.messages)
        facts = await read_snapshot(self.sources, accepted=accepted.values(), receipts=received)
        assert {contact.contact_id for contact in facts.contacts} == set(accepted.values())
        letters = [
            letter
            for service in facts.tables.values()
            for letter in service.dead_letters
            if letter.origin.partition("@")[0] not in poison
        ]
        assert not letters, f"dead-lettered, though they can be handled: {letters}"
        return check(facts)


@asynccontextmanager
async def running_system(
    stack: Stack,
    logs: Path,
    launcher: tuple[str, ...] = ("-m",),
    changes: Mapping[str, str] | None = None,
    *,
    replicas: int = 1,
    fronts: Proxies = Proxies(),  # noqa: B008 - it is frozen
    prepare: Callable[[System], Awaitable[None]] | None = None,
    first_response_s: float = SHORT_S,
) -> AsyncIterator[SystemUnderTest]:
    """Start the four services with people and rules in place.

    `prepare` is called when there are a database and topics, and no process yet. Urgent contacts
    must be answered within `first_response_s`.
    """
    cast = Actors()
    settings = {
        # What was being sent when the notifier died counts as lost after twice this.
        "UPSTAIRS_DELIVERY_TIMEOUT_SECONDS": "1",
        "UPSTAIRS_DELIVERY_SLOTS": "8",
        **(changes or {}),
    }
    async with open_receivers() as receivers:
        system = System(
            stack,
            receivers,
            cast.api_keys,
            logs,
            extra_environment=settings,
            launcher=launcher,
            replicas=replicas,
            proxies=fronts,
        )
        await system.set_up()
        if prepare is not None:
            await prepare(system)
        try:
            system.launch()
            await system.wait_ready(READY_WITHIN_S)
            async with _clients(system, cast) as clients:
                await _set_rules(clients, first_response_s)
                yield SystemUnderTest(system, clients)
        finally:
            system.stop()


@asynccontextmanager
async def _clients(system: System, cast: Actors) -> AsyncIterator[Clients]:
    async with AsyncExitStack() as stack:

        async def endpoint(replica: str) -> Endpoint:
            client = httpx.AsyncClient(base_url=system.url(replica), trust_env=False)
            return Endpoint(await stack.enter_async_context(client))

        yield Clients(
            cast,
            {
                service: LoadBalancer(
                    [await endpoint(replica) for replica in system.replicas_of(service)]
                )
                for service in SERVICES
            },
        )


async def _set_rules(clients: Clients, first_response_s: float) -> None:
    for number in range(8):
        await _representative(clients, f"rep-{number}", SKILLS, capacity=300)
    # More come than these can take: who comes late waits until a place is free.
    for number in range(2):
        await _representative(clients, f"few-{number}", ["returns"], capacity=20)
    # One who never answers an offer, so that offers expire and go to the others.
    await _representative(clients, "idle", ["shipping"], capacity=3, auto_accept=False, offer_s=1)
    for duty, members in DUTIES.items():
        rotation = {
            "zone": "Europe/Madrid",
            "starts_at": "2026-01-01T00:00:00+00:00",
            "shift_s": timedelta(days=7).total_seconds(),
            "members": members,
        }
        path = f"/duty-schedules/{duty}"
        await clients.require("ops", "escalation", "PUT", path, {"rotations": [rotation]})
    await clients.require("ops", "escalation", "PUT", "/ladders/default", _ladder())
    for policy, body in _policies(first_response_s).items():
        await clients.require("ops", "escalation", "PUT", f"/sla-policies/{policy}", body)
    for who in SUPERVISORS:
        media = [
            {"medium": "slack", "channel": f"D-{who}", "user_id": f"U-{who}"},
            {"medium": "email", "address": f"{who}@example.com"},
        ]
        await clients.require(
            "ops", "notifier", "PUT", f"/recipients/{who}", {"name": who, "media": media}
        )


async def _representative(clients: Clients, who: str, skills: list[str], **terms: object) -> None:
    """Nobody can be told anything: their warnings must be recorded as failed."""
    body = {"name": who, "team_id": "care", "skills": skills, "languages": ["en", "es"], **terms}
    await clients.require("ops", "router", "PUT", f"/representatives/{who}", body)
    presence = {"presence": "available"}
    await clients.require("ops", "router", "PUT", f"/representatives/{who}/presence", presence)


def _ladder() -> dict[str, Any]:
    """Two levels that nobody may have time to answer, and one that waits for long."""
    levels = [("supervisors", 2), ("managers", 2), ("directors", LONG_S)]
    return {
        "lease_s": LONG_S,
        "working_lease_s": LONG_S,
        "levels": [
            {
                "name": duty,
                "acknowledge_within_s": within_s,
                "who": asked(duty),
            }
            for duty, within_s in levels
        ],
    }


def asked(duty: str) -> list[dict[str, str]]:
    """Name who is on duty, and as a ladder must end in a person, one of them by name."""
    return [
        {"kind": "duty", "schedule_id": duty},
        {"kind": "person", "person_id": DUTIES[duty][0]},
    ]


def _policies(first_response_s: float) -> dict[str, Any]:
    rest = [
        {"clock": "assignment", "target_s": LONG_S},
        {"clock": "resolution", "target_s": 4 * LONG_S},
    ]
    short = {
        "clock": "first_response",
        "target_s": first_response_s,
        "thresholds": [{"action": "warn_representative", "at_percent": 50}],
    }
    long = {
        "clock": "first_response",
        "target_s": LONG_S,
        "thresholds": [{"action": "warn_representative", "at_percent": 75}],
    }
    common = {"ladder_id": "default", "severity": "medium"}
    return {
        "urgent": {"match": {"topic": ["urgent"]}, "targets": [short, *rest], **common},
        "standard": {"match": {}, "targets": [long, *rest], **common},
    }
