"""The system under attack: its people and rules, and callers who call again until answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
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
# Long enough for a service that was killed to be back, on a busy machine.
PATIENCE_S = 60
RETRY_S = 0.1
SHUN_S = 1
LINES = 16


@dataclass
class Door:
    """A replica as its callers see it: left alone for a while when it did not answer."""

    client: httpx.AsyncClient
    shunned_until: float = 0
    last_used: int = 0


@dataclass
class Doors:
    """The replicas of one service, in turn."""

    doors: Sequence[Door]
    _used: int = 0

    async def request(self, method: str, path: str, **named: Any) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        door = min(self.doors, key=lambda one: (max(0, one.shunned_until - now), one.last_used))
        self._used += 1
        door.last_used = self._used
        try:
            return await door.client.request(method, path, **named)
        except httpx.TransportError:
            door.shunned_until = asyncio.get_running_loop().time() + SHUN_S
            raise


@dataclass(frozen=True)
class Callers:
    """Everyone who calls the services. Whoever gets no answer asks again, as channels do."""

    cast: Actors
    doors: Mapping[str, Doors]
    lines: Mapping[str, asyncio.Semaphore] = field(
        default_factory=lambda: {service: asyncio.Semaphore(LINES) for service in SERVICES}
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
        """Return the first answer that is one: not a broken connection, not a 5xx."""
        headers = {"Authorization": f"Bearer {self.cast.key(who)}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        # Who is in line keeps it until answered: a service that is away is not called by thousands.
        async with asyncio.timeout(PATIENCE_S), self.lines[service]:
            while True:
                with suppress(httpx.TransportError):
                    answer = await self.doors[service].request(
                        method, f"/v1{path}", json=body, headers=headers
                    )
                    if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                        return answer
                await asyncio.sleep(RETRY_S)

    async def must(self, who: str, service: str, method: str, path: str, body: object) -> None:
        answer = await self.call(who, service, method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"


@dataclass(frozen=True)
class World:
    system: System
    callers: Callers

    @property
    def sources(self) -> Sources:
        system = self.system
        return Sources(system.admin_url, system.stack.kafka_bootstrap, system.namespace)

    async def settle(self, within: timedelta) -> None:
        """Wait until nothing moves; whoever died meanwhile is for the test to start again."""
        await wait_until_settled(self.sources, within=within)

    async def verdict(self, accepted: Mapping[str, str], poison: Collection[str] = ()) -> Verdict:
        """Check all invariants.

        `accepted` are contact ids by their idempotency key; `poison` are the places of records
        that nobody can handle.
        """
        slack, mail = self.system.receivers.slack, self.system.receivers.mail
        received = count_receipts((post.body for post in slack.accepted), mail.messages)
        facts = await read_snapshot(self.sources, accepted=accepted.values(), receipts=received)
        assert {one.contact_id for one in facts.contacts} == set(accepted.values())
        letters = [
            letter
            for books in facts.tables.values()
            for letter in books.dead_letters
            if letter.origin.partition("@")[0] not in poison
        ]
        assert not letters, f"put aside, and it could be handled: {letters}"
        return check(facts)


@asynccontextmanager
async def launched(
    stack: Stack,
    logs: Path,
    launcher: tuple[str, ...] = ("-m",),
    changes: Mapping[str, str] | None = None,
    *,
    replicas: int = 1,
    fronts: Proxies = Proxies(),  # noqa: B008 - it is frozen
    prepare: Callable[[System], Awaitable[None]] | None = None,
) -> AsyncIterator[World]:
    """Start the four services with people and rules in place.

    `prepare` is called when there are a database and topics, and no process yet.
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
            await system.wait_ready()
            async with _callers(system, cast) as callers:
                await _set_the_rules(callers)
                yield World(system, callers)
        finally:
            system.stop()


@asynccontextmanager
async def _callers(system: System, cast: Actors) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as held:

        async def door(replica: str) -> Door:
            client = httpx.AsyncClient(base_url=system.url(replica), timeout=5, trust_env=False)
            return Door(await held.enter_async_context(client))

        yield Callers(
            cast,
            {
                service: Doors([await door(replica) for replica in system.replicas_of(service)])
                for service in SERVICES
            },
        )


async def _set_the_rules(callers: Callers) -> None:
    for number in range(8):
        await _representative(callers, f"rep-{number}", SKILLS, capacity=300)
    # More come than these can take: who comes late waits until a place is free.
    for number in range(2):
        await _representative(callers, f"few-{number}", ["returns"], capacity=20)
    # One who never answers an offer, so that offers expire and go to the others.
    await _representative(callers, "idle", ["shipping"], capacity=3, auto_accept=False, offer_s=1)
    for duty, members in DUTIES.items():
        rotation = {
            "zone": "Europe/Madrid",
            "starts_at": "2026-01-01T00:00:00+00:00",
            "shift_s": timedelta(days=7).total_seconds(),
            "members": members,
        }
        path = f"/duty-schedules/{duty}"
        await callers.must("ops", "escalation", "PUT", path, {"rotations": [rotation]})
    await callers.must("ops", "escalation", "PUT", "/ladders/default", _ladder())
    for policy, body in _policies().items():
        await callers.must("ops", "escalation", "PUT", f"/sla-policies/{policy}", body)
    for who in SUPERVISORS:
        media = [
            {"medium": "slack", "channel": f"D-{who}", "user_id": f"U-{who}"},
            {"medium": "email", "address": f"{who}@example.com"},
        ]
        await callers.must(
            "ops", "notifier", "PUT", f"/recipients/{who}", {"name": who, "media": media}
        )


async def _representative(callers: Callers, who: str, skills: list[str], **terms: object) -> None:
    """Nobody can be told anything: their warnings must be recorded as failed."""
    body = {"name": who, "team_id": "care", "skills": skills, "languages": ["en", "es"], **terms}
    await callers.must("ops", "router", "PUT", f"/representatives/{who}", body)
    presence = {"presence": "available"}
    await callers.must("ops", "router", "PUT", f"/representatives/{who}/presence", presence)


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


def _policies() -> dict[str, Any]:
    rest = [
        {"clock": "assignment", "target_s": LONG_S},
        {"clock": "resolution", "target_s": 4 * LONG_S},
    ]
    short = {
        "clock": "first_response",
        "target_s": SHORT_S,
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
