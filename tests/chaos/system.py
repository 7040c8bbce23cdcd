"""The system under test with its people and policies, and clients that retry until answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from common.contracts.services import EVENT_SERVICES
from devstack import Stack
from stage.actors import Actors, has_unknown_person
from stage.invariants import (
    Sources,
    Verdict,
    check,
    count_receipts,
    read_snapshot,
    wait_until_settled,
)
from stage.sample_settings import DUTIES
from stage.system import Proxies, System, open_receivers

ONE_HOUR_S = 3600
SHORT_FIRST_RESPONSE_S = 1.5
SUPERVISORS = ("sara", "marco", "dora")
SKILLS = ["billing", "shipping", "urgent"]
# A service that has answered no client for this long counts as stalled.
STALLED_AFTER_S = 300
# The base of a call's timeout: after it, the client calls again.
CALL_TIMEOUT_S = 5
READY_WITHIN_S = 300
SETTLED_WITHIN = timedelta(minutes=30)
RETRY_S = 0.1
AVOID_UNREACHABLE_S = 1
CONCURRENT_CALLS = 16


class StalledServiceError(Exception):
    """A service has answered no client for minutes."""

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} has answered no client for {STALLED_AFTER_S} s")


@dataclass
class Endpoint:
    """A replica as clients see it: they avoid it for a while after it did not answer."""

    client: httpx.AsyncClient
    avoided_until: float = 0
    last_used: int = 0


@dataclass
class LoadBalancer:
    """Calls the replicas of one service in turn."""

    endpoints: Sequence[Endpoint]
    timeout_s: float = 3 * CALL_TIMEOUT_S
    answered_at: float = 0
    _request_count: int = 0

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response | None:
        """Return the answer; None for a broken connection, a timeout or a 5xx."""
        clock = asyncio.get_running_loop().time
        now = clock()
        endpoint = min(
            self.endpoints, key=lambda item: (max(0, item.avoided_until - now), item.last_used)
        )
        self._request_count += 1
        endpoint.last_used = self._request_count
        try:
            answer = await endpoint.client.request(
                method, path, timeout=self.timeout_s, **arguments
            )
        except httpx.TransportError:
            endpoint.avoided_until = clock() + AVOID_UNREACHABLE_S
            return None
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return None
        self.answered_at = clock()
        return answer


@dataclass(frozen=True)
class Clients:
    """Everyone who calls the services. A client without an answer calls again, as channels do."""

    actors: Actors
    services: Mapping[str, LoadBalancer]
    slots: Mapping[str, asyncio.Semaphore] = field(
        default_factory=lambda: {
            service: asyncio.Semaphore(CONCURRENT_CALLS) for service in EVENT_SERVICES
        }
    )

    async def call(
        self,
        caller: str,
        service: str,
        method: str,
        path: str,
        body: object = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Call until there is an answer, however long a slow machine takes.

        Raises StalledServiceError when the service has answered no client for minutes.
        """
        headers = {"Authorization": f"Bearer {self.actors.key(caller)}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        clock = asyncio.get_running_loop().time
        # Slots bound how many clients call a stopped service at once.
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

    async def require(
        self, caller: str, service: str, method: str, path: str, body: object
    ) -> None:
        answer = await self.call(caller, service, method, path, body)
        while has_unknown_person(answer):
            await asyncio.sleep(RETRY_S)
            answer = await self.call(caller, service, method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"


@dataclass(frozen=True)
class SystemUnderTest:
    system: System
    clients: Clients

    @property
    def sources(self) -> Sources:
        return Sources.of(self.system)

    async def settle(self, within: timedelta = SETTLED_WITHIN) -> None:
        """Wait until no work is left. The caller has restarted all services before."""
        await wait_until_settled(self.sources, within=within)

    async def check_invariants(
        self, accepted: Mapping[str, str], poison: Collection[str] = ()
    ) -> Verdict:
        """Check all invariants.

        `accepted` has contact ids by idempotency key; `poison` has the origins of records
        that no service can handle.
        """
        slack, mail = self.system.receivers.slack, self.system.receivers.mail
        received = count_receipts(slack.accepted, mail.messages)
        snapshot = await read_snapshot(self.sources, accepted=accepted.values(), receipts=received)
        assert {contact.contact_id for contact in snapshot.contacts} == set(accepted.values())
        dead_letters = [
            letter
            for service in snapshot.tables.values()
            for letter in service.dead_letters
            if letter.origin.partition("@")[0] not in poison
        ]
        assert not dead_letters, f"dead-lettered, though they can be handled: {dead_letters}"
        return check(snapshot)


@asynccontextmanager
async def running_system(
    stack: Stack,
    logs: Path,
    launcher: tuple[str, ...] = ("-m",),
    changes: Mapping[str, str] | None = None,
    *,
    replicas: int = 1,
    proxies: Proxies = Proxies(),  # noqa: B008 - it is frozen
    prepare: Callable[[System], Awaitable[None]] | None = None,
    first_response_s: float = SHORT_FIRST_RESPONSE_S,
) -> AsyncIterator[SystemUnderTest]:
    """Start the four services, with people and policies.

    `prepare` runs when the database and the topics exist and no process has started. Urgent
    contacts must be answered within `first_response_s`.
    """
    actors = Actors()
    settings = {
        # A delivery interrupted by a crash counts as lost after twice this.
        "UPSTAIRS_DELIVERY_TIMEOUT_SECONDS": "1",
        "UPSTAIRS_DELIVERY_SLOTS": "8",
        # Every record that a fault sends must be found among the dead letters.
        "UPSTAIRS_UNTRUSTED_RECORD_LIMIT": "100000",
        **(changes or {}),
    }
    async with open_receivers() as receivers:
        system = System(
            stack,
            receivers,
            actors.api_keys,
            logs,
            extra_environment=settings,
            launcher=launcher,
            replicas=replicas,
            proxies=proxies,
        )
        await system.set_up()
        if prepare is not None:
            await prepare(system)
        try:
            system.launch()
            await system.wait_ready(READY_WITHIN_S)
            async with _clients(system, actors) as clients:
                await _set_up_people_and_rules(clients, first_response_s)
                yield SystemUnderTest(system, clients)
        finally:
            system.stop()


@asynccontextmanager
async def _clients(system: System, actors: Actors) -> AsyncIterator[Clients]:
    async with AsyncExitStack() as stack:

        async def endpoint(replica: str) -> Endpoint:
            client = httpx.AsyncClient(base_url=system.url(replica), trust_env=False)
            return Endpoint(await stack.enter_async_context(client))

        yield Clients(
            actors,
            {
                service: LoadBalancer(
                    [await endpoint(replica) for replica in system.replicas_of(service)]
                )
                for service in EVENT_SERVICES
            },
        )


async def _set_up_people_and_rules(clients: Clients, first_response_s: float) -> None:
    for number in range(8):
        await _register_representative(clients, f"rep-{number}", SKILLS, capacity=300)
    # More contacts come than these have slots for: late ones wait until a slot is free.
    for number in range(2):
        await _register_representative(clients, f"few-{number}", ["returns"], capacity=20)
    # Never answers an offer, so that offers expire and go to the others.
    await _register_representative(
        clients, "idle", ["shipping"], capacity=3, auto_accept=False, offer_s=1
    )
    for person in SUPERVISORS:
        media = [
            {"medium": "slack", "channel": f"D-{person}", "user_id": f"U-{person}"},
            {"medium": "email", "address": f"{person}@example.com"},
        ]
        body = {"name": person, "contact_methods": media}
        await clients.require("ops", "router", "PUT", f"/people/{person}", body)
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
    await set_sla_policies(clients, first_response_s)


async def _register_representative(
    clients: Clients, representative_id: str, skills: list[str], **terms: object
) -> None:
    """They have no contact methods: the warnings to them must be recorded as failed."""
    body = {
        "name": representative_id,
        "roles": ["representative"],
        "team_id": "care",
        "skills": skills,
        "languages": ["en", "es"],
    }
    await clients.require("ops", "router", "PUT", f"/people/{representative_id}", body)
    await clients.require("ops", "router", "PUT", f"/representatives/{representative_id}", terms)
    presence = {"presence": "available"}
    await clients.require(
        "ops", "router", "PUT", f"/representatives/{representative_id}/presence", presence
    )


def _ladder() -> dict[str, Any]:
    """Two levels that end before most people answer, and one that waits long."""
    levels = [("supervisors", 2), ("managers", 2), ("directors", ONE_HOUR_S)]
    return {
        "lease_s": ONE_HOUR_S,
        "working_lease_s": ONE_HOUR_S,
        "levels": [
            {
                "name": duty,
                "acknowledge_within_s": within_s,
                "who": page_targets(duty),
            }
            for duty, within_s in levels
        ],
    }


def page_targets(duty: str) -> list[dict[str, str]]:
    """The people on duty, and one of them by name, because a ladder must end in a person."""
    return [
        {"kind": "duty", "schedule_id": duty},
        {"kind": "person", "person_id": DUTIES[duty][0]},
    ]


async def set_sla_policies(clients: Clients, first_response_s: float) -> None:
    for policy, body in _policies(first_response_s).items():
        await clients.require("ops", "escalation", "PUT", f"/sla-policies/{policy}", body)


def _policies(first_response_s: float) -> dict[str, Any]:
    rest = [
        {"clock": "assignment", "target_s": ONE_HOUR_S},
        {"clock": "resolution", "target_s": 4 * ONE_HOUR_S},
    ]
    short = {
        "clock": "first_response",
        "target_s": first_response_s,
        "thresholds": [{"action": "warn_representative", "at_percent": 50}],
    }
    long = {
        "clock": "first_response",
        "target_s": ONE_HOUR_S,
        "thresholds": [{"action": "warn_representative", "at_percent": 75}],
    }
    common = {"ladder_id": "default", "severity": "medium"}
    return {
        "urgent": {"match": {"topic": ["urgent"]}, "targets": [short, *rest], **common},
        "standard": {"match": {}, "targets": [long, *rest], **common},
    }
