"""Intake alone: single contacts, batches of events, and Outbound Messages of 100 cases.

Single contacts are compared with a bare insert for each request, in turns on one PostgreSQL.
"""

import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import mkdtemp

import asyncpg

import devstack
from bench import bare_intake, channel_signatures, traffic
from bench.databases import empty_database
from bench.load import Load, LoadGenerator, Post, Target, open_load_generator
from bench.service_testbed import check_clean, open_process
from bench.summary import Figures, quantiles_ms
from bench.testbed import CONTACTS
from devstack import free_port
from stage.actors import Actors
from stage.system import System

BATCH = 100
# Turns of intake and of the bare insert: A B, B A, A B, …
_ROUNDS = 4
# The same for both; more open requests make larger batches of commits, and wait longer.
_CONCURRENCY = 32
_BATCHES_OPEN = 4
_ORGANIZATION = "00D5g000004AbCdEAK"
_SECRET = secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Side:
    """A process that takes contacts."""

    process: devstack.Process
    target: Target


@dataclass(frozen=True)
class Measured:
    """Contacts, and what they took: time until the last answer, and CPU time of the process."""

    contacts: int
    seconds: float
    cpu_seconds: float

    @property
    def per_s(self) -> float:
        return self.contacts / self.seconds

    @property
    def cpu_us(self) -> float:
        return 1e6 * self.cpu_seconds / self.contacts


async def figures(
    stack: devstack.Stack, *, posts: int, batches: int, messages: int, seconds: int
) -> Figures:
    """Send so many posts in each turn, and then at half the rate for so many seconds."""
    random = Random(1999)
    with open_load_generator() as generator:
        async with _open_intake(stack) as (system, intake), _open_bare(stack) as bare:
            ours, theirs = await _compare(generator, intake, bare, posts, random)
            batched = await _batches(generator, intake, batches)
            rate = ours.per_s / 2
            times = traffic.arrivals(rate, seconds, random)
            load = await generator.open_loop(intake.target, _posts(len(times), random), times)
            answered = await _outbound_messages(generator, intake, messages)
            await check_clean(system, "intake")
    return {
        "intake_posts_per_s": ours.per_s,
        "intake_bare_posts_per_s": theirs.per_s,
        "intake_over_bare": ours.per_s / theirs.per_s,
        "intake_cpu_us_per_post": ours.cpu_us,
        "intake_bare_cpu_us_per_post": theirs.cpu_us,
        "intake_cpu_over_bare": ours.cpu_us / theirs.cpu_us,
        "intake_batch_contacts_per_s": batched.per_s,
        "intake_batch_over_single": batched.per_s / ours.per_s,
        "intake_batch_cpu_us_per_contact": batched.cpu_us,
        "intake_single_cpu_over_batch": ours.cpu_us / batched.cpu_us,
        "intake_half_rate_per_s": rate,
        **quantiles_ms("intake_half_rate", _answer_times(load)),
        **quantiles_ms("intake_outbound_message", _answer_times(answered)),
        **channel_signatures.costs(),
    }


async def _compare(
    generator: LoadGenerator, intake: Side, bare: Side, posts: int, random: Random
) -> tuple[Measured, Measured]:
    """Load both in turns, after a round that does not count."""
    measured: dict[str, list[Measured]] = {"intake": [], "bare": []}
    sides = {"intake": intake, "bare": bare}
    for turn in range(_ROUNDS + 1):
        order = ("intake", "bare") if turn % 2 else ("bare", "intake")
        for name in order:
            bodies = _posts(posts, random)
            result = await _closed_loop(generator, sides[name], bodies, _CONCURRENCY, posts)
            measured[name] += [result] if turn else []
    return _total(measured["intake"]), _total(measured["bare"])


def _posts(count: int, random: Random) -> list[Post]:
    return [Post(CONTACTS, body) for body in traffic.contacts(count, random)]


async def _closed_loop(
    generator: LoadGenerator, side: Side, posts: Sequence[Post], concurrency: int, contacts: int
) -> Measured:
    before = side.process.cpu_seconds()
    load = await generator.closed_loop(side.target, posts, concurrency)
    cpu_seconds = side.process.cpu_seconds() - before
    begun = min(sent.intended_at for sent in load.sent)
    ended = max(sent.answered_at for sent in load.sent)
    return Measured(contacts, ended - begun, cpu_seconds)


def _total(rounds: Sequence[Measured]) -> Measured:
    return Measured(
        sum(each.contacts for each in rounds),
        sum(each.seconds for each in rounds),
        sum(each.cpu_seconds for each in rounds),
    )


async def _batches(generator: LoadGenerator, intake: Side, batches: int) -> Measured:
    path = f"/v1/channels/cloudevents/bench?key={_SECRET}"
    posts = [Post(path, body) for body in event_batches(batches)]
    return await _closed_loop(generator, intake, posts, _BATCHES_OPEN, batches * BATCH)


async def _outbound_messages(generator: LoadGenerator, intake: Side, messages: int) -> Load:
    """Send one after the other, as Salesforce does."""
    path = f"/v1/channels/salesforce/bench/{_SECRET}"
    posts = [Post(path, outbound_message(number)) for number in range(messages)]
    return await generator.closed_loop(intake.target, posts, 1)


def _answer_times(load: Load) -> list[float]:
    return [sent.answered_at - sent.intended_at for sent in load.sent]


def event_batches(batches: int) -> Iterator[bytes]:
    for batch in range(batches):
        events = [_event(f"{batch}-{number}") for number in range(BATCH)]
        yield json.dumps(events).encode()


def _event(name: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"e-{name}",
        "source": "/bench",
        "type": "upstairs.inbound.contact_received.v1",
        "data": {
            "contact": {
                "ref": f"T-{name}",
                "channel": "call",
                "customer": {"id": f"c-{name}", "name": f"Customer {name}", "region": "team-1"},
                "subject": "A question about regular business",
                "topic": "regular",
                "priority": "normal",
            }
        },
    }


def outbound_message(message: int) -> bytes:
    notifications = "".join(_notification(f"{message:05}{case:04}") for case in range(BATCH))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{_ORGANIZATION}</OrganizationId>{notifications}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _notification(number: str) -> str:
    return (
        f"<Notification><Id>04l5g{number}AAK</Id>"
        '<sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>5005g{number}AAK</sf:Id><sf:CaseNumber>{number}</sf:CaseNumber>"
        f"<sf:ContactId>0035g{number}AAF</sf:ContactId><sf:Subject>Boiler is cold</sf:Subject>"
        "<sf:Description>I have tried it three times and it does not work.</sf:Description>"
        "<sf:Status>New</sf:Status><sf:Priority>High</sf:Priority><sf:Origin>Phone</sf:Origin>"
        "</sObject></Notification>"
    )


@asynccontextmanager
async def _open_intake(stack: devstack.Stack) -> AsyncIterator[tuple[System, Side]]:
    settings = {"UPSTAIRS_LOG_LEVEL": "warning"}
    async with open_process(stack, "intake", settings) as (system, actors):
        await _connect(actors, "cloudevents", {})
        await _connect(actors, "salesforce", {"organization": _ORGANIZATION})
        target = Target(system.ports["intake"], actors.key("shop"))
        yield system, Side(system.processes["intake"], target)


async def _connect(actors: Actors, kind: str, options: dict[str, str]) -> None:
    body = {"secret": _SECRET, "options": options}
    await actors.call("ops", "intake", "PUT", f"/channels/{kind}/bench", body)


@asynccontextmanager
async def _open_bare(stack: devstack.Stack) -> AsyncIterator[Side]:
    async with empty_database(stack) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute(bare_intake.TABLE)
        await connection.close()
        port = free_port()
        process = devstack.Process(
            name="bare",
            argv=(sys.executable, "-m", "bench.bare_intake", str(port)),
            env={**os.environ, bare_intake.DSN_VARIABLE: dsn},
            log_path=Path(mkdtemp(prefix="upstairs-bench-")) / "bare.log",
            ready_url=f"http://127.0.0.1:{port}/readyz",
        )
        process.start()
        try:
            await process.wait_ready(60)
            yield Side(process, Target(port, "none"))
        finally:
            process.stop()
