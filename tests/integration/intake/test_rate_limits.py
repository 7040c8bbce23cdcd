"""Systems with a rate limit: what they are answered, and what costs nothing without one."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from common.core.metrics import Metrics
from common.storage.database import Database
from intake.connections.activity import ActivityWriter, NoticedActivity
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.channel_samples import SAMPLES, SECRET, Sample
from integration.intake.harness import CONTACT, key, nothing_happened
from support.databases import Postgres, SteppedClock, open_database, rows
from support.probe import record_statements
from support.service_harness import open_client
from support.waiting import until

PATH = "/v1/channels/cloudevents/acme"
ADMIN = key("admin")


async def connect(
    api: httpx.AsyncClient,
    deliveries: int | None,
    per_seconds: int = 60,
    path: str = PATH,
    **options: Any,
) -> None:
    limit = {"deliveries": deliveries, "per_seconds": per_seconds} if deliveries else None
    body = {"secret": SECRET, "options": {**options, "rate_limit": limit}}
    answer = await api.put(path, json=body, headers=ADMIN)
    assert answer.status_code == 204, answer.text


async def deliver(
    api: httpx.AsyncClient, number: int = 1, secret: str = SECRET, **headers: str
) -> httpx.Response:
    event = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/shop",
        "type": "upstairs.inbound.contact_received.v1",
        "data": {
            "contact": {"ref": f"o-{number}", "customer": {"id": "c-1"}},
            "message": {"id": f"m-{number}", "text": "Where is it?"},
        },
    }
    proof = {"Authorization": f"Bearer {secret}", "Content-Type": "application/cloudevents+json"}
    return await api.post(PATH, content=orjson.dumps(event), headers={**proof, **headers})


def policy(answer: httpx.Response) -> str | None:
    policy: str | None = answer.headers.get("RateLimit-Policy")
    assert (policy is None) == ("RateLimit" not in answer.headers)
    return policy


def left(answer: httpx.Response) -> int:
    """Return how many deliveries are left of a limit for 60 s; more come in about so long."""
    match = re.fullmatch(r'"deliveries";r=(\d+);t=(\d+)', answer.headers["RateLimit"])
    assert match is not None
    assert 50 < int(match[2]) < 65
    assert answer.headers.get("Retry-After", match[2]) == match[2]
    return int(match[1])


def code(answer: httpx.Response) -> str:
    name: str = answer.json()["type"]
    return name.removeprefix("urn:upstairs:problem:")


async def test_delivery_over_the_limit_is_refused_until_the_window_ends(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await connect(api, 2)
    first, second, third = [await deliver(api, number) for number in range(3)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert (policy(first), left(first), left(second)) == ('"deliveries";q=2;w=60', 1, 0)
    assert (third.status_code, code(third), left(third)) == (429, "rate-limited", 0)
    assert 60 <= int(third.headers["Retry-After"]) < 65
    assert len(await rows(database, "SELECT contact_id FROM contacts")) == 2


async def test_connection_without_a_limit_costs_no_statement_and_no_header(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    async def cost() -> tuple[int, httpx.Response]:
        async with record_statements(database) as sent:
            answer = await deliver(api)
        assert not any("rate_limit" in statement for statement in sent), sent
        return len(sent), answer

    await connect(api, None)
    await deliver(api)
    without, answer = await cost()
    assert policy(answer) is None
    await connect(api, 1000)
    for _ in range(4):
        await deliver(api)
    # What was taken ahead costs nothing either.
    within, answer = await cost()
    assert within == without
    assert policy(answer) == '"deliveries";q=1000;w=60'


async def test_delivery_without_its_right_proof_does_not_count(
    api: httpx.AsyncClient,
) -> None:
    await connect(api, 1)
    for _ in range(3):
        refused = await deliver(api, secret="a-guess-of-a-stranger")
        assert (refused.status_code, policy(refused)) == (401, None)
    assert (await deliver(api)).status_code == 200
    assert (await deliver(api)).status_code == 429
    # A stranger does not learn that there is a limit, or that it is reached.
    refused = await deliver(api, secret="a-guess-of-a-stranger")
    assert (refused.status_code, policy(refused)) == (401, None)


async def test_answers_that_refuse_or_keep_a_delivery_say_what_is_left(
    api: httpx.AsyncClient,
) -> None:
    await connect(api, 5)
    kept = await api.post(PATH, content=b"<no json", headers={"Authorization": f"Bearer {SECRET}"})
    assert (kept.status_code, left(kept)) == (202, 4)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
async def test_kind_of_channel_is_refused_in_the_way_after_which_it_sends_again(
    api: httpx.AsyncClient, sample: Sample
) -> None:
    await connect(api, 1, 3600, sample.path, **sample.options)
    answers = []
    for _ in range(2):
        proof = sample.sign(sample.body, 0, SECRET)
        headers = {"Content-Type": sample.media_type, "Authorization": "", **proof.headers}
        url = sample.path + proof.address
        content = sample.body if proof.body is None else proof.body
        answers.append(await api.post(url, content=content, headers=headers))
    taken, refused = answers
    assert taken.status_code == 200, taken.text
    assert policy(taken) == policy(refused) == '"deliveries";q=1;w=3600'
    reads_429 = sample.kind in {"cloudevents", "webhook", "zendesk"}
    assert (refused.status_code, code(refused)) == (429 if reads_429 else 503, "rate-limited")
    wait_s = int(refused.headers["Retry-After"])
    # Zendesk waits for less than a minute.
    assert wait_s == 59 if sample.kind == "zendesk" else wait_s > 3600


async def test_refused_delivery_shows_in_the_activity_and_the_metrics(
    database: Database[UnitOfWork],
) -> None:
    metrics = Metrics()
    made: list[NoticedActivity] = []

    def build_and_keep(settings: Settings) -> Any:
        spec = build(settings)
        noticed = spec.state["noticed_activity"]
        assert isinstance(noticed, NoticedActivity)
        made.append(noticed)
        return spec

    async with open_client(build_and_keep, Settings, database, key, metrics=metrics) as api:
        await connect(api, 1)
        for number in range(3):
            await deliver(api, number)
        await ActivityWriter(made[-1], database, Metrics(), ("webhooks",)).write()
        shown = (await api.get(PATH, headers=ADMIN)).json()
    assert shown["last_failure"]["code"] == "rate-limited"
    assert "1 in 60 s" in shown["last_failure"]["detail"]
    assert shown["last_delivery_at"] == shown["last_failure"]["at"]
    assert shown["options"]["rate_limit"] == {"deliveries": 1, "per_seconds": 60}
    counted = metrics.registry.get_sample_value
    assert counted("upstairs_rate_limited_total", {"kind": "cloudevents"}) == 2
    outcome = {"kind": "cloudevents", "outcome": "rate_limited"}
    assert counted("upstairs_webhooks_total", outcome) == 2


async def test_archived_connection_is_unknown_and_keeps_its_count(api: httpx.AsyncClient) -> None:
    await connect(api, 1)
    assert (await deliver(api)).status_code == 200
    await api.delete(PATH, headers=ADMIN)
    assert (await deliver(api)).status_code == 401
    await connect(api, 1)
    assert (await deliver(api)).status_code == 429
    # Another connection has a limit of its own.
    await connect(api, 1, path="/v1/channels/cloudevents/other")
    assert (await deliver(api)).status_code == 429


@pytest.mark.parametrize(
    ("limit", "place"),
    [
        ({"deliveries": 0, "per_seconds": 60}, "rate_limit/deliveries"),
        ({"deliveries": 1, "per_seconds": 86_401}, "rate_limit/per_seconds"),
        ({"deliveries": 1}, "rate_limit/per_seconds"),
        ({"deliveries": 1, "per_seconds": 60, "burst": 5}, "rate_limit/burst"),
        (5, "rate_limit"),
    ],
)
async def test_wrong_limit_is_named(api: httpx.AsyncClient, limit: Any, place: str) -> None:
    body = {"secret": SECRET, "options": {"rate_limit": limit}}
    answer = await api.put(PATH, json=body, headers=ADMIN)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"body/options/{place}"


async def test_mailbox_takes_no_limit(api: httpx.AsyncClient) -> None:
    limit = {"deliveries": 5, "per_seconds": 60}
    options = {"host": "imap.example.com", "user": "support", "rate_limit": limit}
    body = {"secret": SECRET, "options": options}
    answer = await api.put("/v1/channels/imap/support", json=body, headers=ADMIN)
    assert answer.status_code == 422
    assert "rate_limit must be left out" in answer.json()["detail"]


async def test_two_replicas_together_take_no_more_than_the_limit(
    postgres: Postgres, database_name: str, database: Database[UnitOfWork]
) -> None:
    clock = SteppedClock()
    async with AsyncExitStack() as stack:
        replicas = []
        for _ in range(2):
            opened = open_database(
                postgres, database_name, "intake", database._unit_of_work, clock=clock
            )
            own = await stack.enter_async_context(opened)
            replicas.append(await stack.enter_async_context(open_client(build, Settings, own, key)))
        await connect(replicas[0], 25)
        statuses: list[int] = []

        async def admitted() -> int:
            """Send to both, and count: what one took ahead and did not use, the other has later."""
            answers = await asyncio.gather(
                *(deliver(replicas[number % 2], number) for number in range(60))
            )
            statuses.extend(answer.status_code for answer in answers)
            return statuses.count(200)

        await until(admitted, lambda number: number >= 25)
        for _ in range(2):
            clock.offset += timedelta(seconds=15)
            assert await admitted() == 25
        clock.offset += timedelta(seconds=75)
        await until(admitted, lambda number: number >= 50)
        assert await admitted() == 50
        assert set(statuses) == {200, 429}


LIMITS = '{"shop": {"deliveries": 3, "per_seconds": 60}, "*": {"deliveries": 1, "per_seconds": 5}}'


async def test_api_key_of_a_channel_is_held_to_the_limit_of_its_subject(
    database: Database[UnitOfWork],
) -> None:
    metrics = Metrics()
    limits = orjson.loads(LIMITS)
    async with open_client(
        build, Settings, database, key, metrics=metrics, channel_rate_limits=limits
    ) as api:
        shop, kiosk = key("channel"), key("kiosk")
        made = await api.post("/v1/contacts", json=CONTACT, headers=shop)
        assert (made.status_code, left(made)) == (201, 2)
        path = f"/v1/contacts/{made.json()['contact_id']}"
        # To read is free.
        assert policy(await api.get(path, headers=shop)) is None
        wrong = await api.post(f"{path}/messages", json={}, headers=shop)
        assert (wrong.status_code, left(wrong)) == (422, 1)
        keyed = {**shop, "Idempotency-Key": "k-1"}
        done = await api.post(f"{path}/wait-for-customer", headers=keyed)
        assert (done.status_code, left(done)) == (202, 0)
        # A repeat counts as well: it costs as much.
        refused = await api.post(f"{path}/wait-for-customer", headers=keyed)
        assert (refused.status_code, code(refused)) == (429, "rate-limited")
        assert left(refused) == 0
        assert (await api.post("/v1/contacts", json=CONTACT, headers=kiosk)).status_code == 201
        assert (await api.post("/v1/contacts", json=CONTACT, headers=kiosk)).status_code == 429
        # Staff and wrong keys do not count.
        rita = await api.post(f"{path}/wait-for-customer", headers=key("representative"))
        assert (rita.status_code, policy(rita)) == (403, None)
        unknown = {"Authorization": "Bearer channel-kee"}
        assert (await api.post("/v1/contacts", json=CONTACT, headers=unknown)).status_code == 401
    assert (
        metrics.registry.get_sample_value("upstairs_rate_limited_total", {"kind": "channel"}) == 2
    )


async def test_refused_request_leaves_its_idempotency_key_free(
    database: Database[UnitOfWork],
) -> None:
    limits = {"shop": {"deliveries": 1, "per_seconds": 60}}
    async with open_client(build, Settings, database, key, channel_rate_limits=limits) as api:
        shop = key("channel")
        assert (await api.post("/v1/contacts/x/reopen", json={}, headers=shop)).status_code == 422
        keyed = {**shop, "Idempotency-Key": "k-1"}
        assert (await api.post("/v1/contacts", json=CONTACT, headers=keyed)).status_code == 429
    assert await nothing_happened(database)


async def test_webhook_with_an_api_key_counts_for_its_connection(
    database: Database[UnitOfWork],
) -> None:
    limits = {"*": {"deliveries": 1, "per_seconds": 60}}
    async with open_client(build, Settings, database, key, channel_rate_limits=limits) as api:
        await connect(api, 2)
        answers = [await deliver(api, number) for number in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        # Its signature is its proof, and its own id says whether it is a repeat.
        zendesk = next(sample for sample in SAMPLES if sample.kind == "zendesk")
        await connect(api, 2, path=zendesk.path)
        for text in (b"Hello", b"Bye", b"Bye"):
            body = zendesk.body.replace(b"MARK", text)
            headers = {**zendesk.sign(body, 0, SECRET).headers, **key("channel")}
            headers |= {"Content-Type": zendesk.media_type, "Idempotency-Key": "k-1"}
            answers.append(await api.post(zendesk.path, content=body, headers=headers))
    assert [answer.status_code for answer in answers[3:]] == [200, 200, 429]
