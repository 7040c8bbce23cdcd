"""Whatever is wrong with a delivery: no 500, no half contact, nothing acknowledged and lost."""

import itertools
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import httpx
import pytest

from common.storage.database import Database
from intake.channels.registry import CHANNELS, MAIL_KINDS
from intake.store import UnitOfWork
from integration.intake.bad_input import (
    CASES,
    DAMAGES,
    MAILBOX_KIND,
    NOT_APPLICABLE,
    OTHER_CASES,
    applies,
    cells,
)
from integration.intake.channel_samples import SAMPLES, SECRET, Sample, Signed
from integration.intake.harness import key, nothing_happened, published
from integration.intake.reordered_deliveries import STORIES, Story
from support.databases import rows

NAMES: Final = [sample.name for sample in SAMPLES]
CELLS: Final = cells(SAMPLES)


@pytest.fixture(params=SAMPLES, ids=NAMES)
def sample(request: pytest.FixtureRequest) -> Sample:
    chosen: Sample = request.param
    return chosen


@pytest.fixture
async def channel(api: httpx.AsyncClient, sample: Sample) -> httpx.AsyncClient:
    """The API with a connection of the kind set up, called without an API key."""
    await connect(api, sample)
    del api.headers["Authorization"]
    return api


async def connect(api: httpx.AsyncClient, sample: Sample, name: str = "acme") -> None:
    settings = {"secret": SECRET, "options": dict(sample.options)}
    path = f"/v1/channels/{sample.kind}/{name}"
    answer = await api.put(path, json=settings, headers=key("admin"))
    assert answer.status_code == 204, answer.text


async def post(
    channel: httpx.AsyncClient,
    sample: Sample,
    body: bytes,
    signed: Signed | None = None,
    media_type: str | None = None,
    name: str = "acme",
) -> httpx.Response:
    proof = signed or sample.sign(body, 0, SECRET)
    headers = {"Content-Type": media_type or sample.media_type} | dict(proof.headers)
    path = f"/v1/channels/{sample.kind}/{name}{proof.address}"
    content = body if proof.body is None else proof.body
    return await channel.post(path, content=content, headers=headers)


async def is_stored_or_kept(database: Database[UnitOfWork]) -> bool:
    (counted,) = await rows(
        database,
        "SELECT (SELECT count(*) FROM contacts) AS contacts,"
        " (SELECT count(*) FROM dead_letters) AS letters",
    )
    return bool(counted.contacts or counted.letters)


async def check_replayed(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    proof = sample.sign(sample.body, 0, SECRET)
    answers = [await post(channel, sample, sample.body, proof) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].headers["content-type"] == sample.reply_type
    (contact,) = await rows(database, "SELECT * FROM contacts")
    assert contact.received_from == f"{sample.kind}:acme"
    (message,) = await rows(database, "SELECT text FROM messages")
    assert "MARK" in message.text
    names = await published(database)
    assert (names.count("contact_received"), names.count("customer_wrote")) == (1, 1)
    assert await rows(database, "SELECT id FROM dead_letters") == []


async def check_reordered(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    for story in STORIES:
        if story.sample.kind == sample.kind:
            await _tell_in_every_order(channel, database, story)


async def _tell_in_every_order(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], story: Story
) -> None:
    for number, order in enumerate(_orders(story.bodies)):
        name = f"order-{number}"
        await connect(channel, story.sample, name)
        for body in order:
            answer = await post(channel, story.sample, body, name=name)
            assert answer.status_code == 200, answer.text
        (contact,) = await rows(
            database,
            f"SELECT * FROM contacts WHERE received_from = '{story.sample.kind}:{name}'",
        )
        messages = await rows(
            database, f"SELECT * FROM messages WHERE contact_id = '{contact.contact_id}'"
        )
        places = [story.bodies.index(body) for body in order]
        assert contact.state == story.state, places
        assert {row.text: row.author for row in messages} == story.texts, places
        assert len(messages) == len(story.texts), places
    assert await rows(database, "SELECT id FROM dead_letters") == []


def _orders(bodies: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return the order of time, the contrary, and those with one delivery that comes last."""
    late = [(*bodies[:place], *bodies[place + 1 :], bodies[place]) for place in range(len(bodies))]
    return [*dict.fromkeys((tuple(bodies), tuple(reversed(bodies)), *late))]


async def check_wrong_media_type(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    answer = await post(channel, sample, sample.body, media_type="image/png")
    if sample.sign(sample.body, 0, SECRET).body is not None:
        # The proof stands in a form, which this is none.
        assert answer.status_code == 401
        assert await nothing_happened(database)
        return
    assert answer.status_code in (200, 202)
    assert await is_stored_or_kept(database)


async def check_10_mb(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    answer = await post(channel, sample, sample.body.replace(b"MARK", b"x" * 10_000_000))
    if sample.kind in MAIL_KINDS:
        assert answer.json()["kept"] is False
        (message,) = await rows(database, "SELECT text FROM messages")
        assert len(message.text) == 100_000
        return
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert await nothing_happened(database)


async def check_unsigned(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    await _expect_refusal(channel, database, sample, sample.body, Signed({}))


async def check_wrongly_signed(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    proof = sample.sign(sample.body, 0, "a-guess-of-a-stranger")
    await _expect_refusal(channel, database, sample, sample.body, proof)


async def check_stale(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    for age_s in (sample.stale_after_s, -sample.stale_after_s):
        proof = sample.sign(sample.body, age_s, SECRET)
        await _expect_refusal(channel, database, sample, sample.body, proof)


async def check_another_writing(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    proof = sample.sign(sample.body, 0, SECRET)
    if sample.covers_body:
        await _expect_refusal(channel, database, sample, _rewritten(sample.body), proof)
        return
    # What the signature does not cover can't be used for another delivery.
    await post(channel, sample, sample.body, proof)
    assert proof.body is not None
    another = Signed({}, body=proof.body.replace(b"MARK", b"another day"))
    answer = await post(channel, sample, sample.body, another)
    assert [each["repeated"] for each in answer.json()["results"]] == [True]
    (message,) = await rows(database, "SELECT text FROM messages")
    assert "MARK" in message.text


async def _expect_refusal(
    channel: httpx.AsyncClient,
    database: Database[UnitOfWork],
    sample: Sample,
    body: bytes,
    proof: Signed,
) -> None:
    answer = await post(channel, sample, body, proof)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert await nothing_happened(database)
    assert not await is_stored_or_kept(database)


def _rewritten(body: bytes) -> bytes:
    """Return the same content, as another program would write it."""
    try:
        return json.dumps(json.loads(body), indent=1).encode()
    except ValueError:
        return body.replace(b"MARK", b"mark")


Check = Callable[[httpx.AsyncClient, Database[UnitOfWork], Sample], Awaitable[None]]
CHECKS: Final[Mapping[str, Check]] = {
    "replayed": check_replayed,
    "reordered": check_reordered,
    "10 MB": check_10_mb,
    "wrong media type": check_wrong_media_type,
    "unsigned": check_unsigned,
    "wrongly signed": check_wrongly_signed,
    "stale": check_stale,
    "right signature over another writing of the body": check_another_writing,
}


@pytest.mark.parametrize(
    ("case", "sample"),
    CELLS,
    ids=[f"{sample.name}-{case}" for case, sample in CELLS],
    indirect=["sample"],
)
async def test_bad_delivery_does_no_harm_and_is_not_lost(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample, case: str
) -> None:
    await CHECKS[case](channel, database, sample)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damaged_delivery_is_stored_or_kept(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample, damage: str
) -> None:
    for _ in range(2):
        answer = await post(channel, sample, DAMAGES[damage].apply(sample.body))
        assert answer.status_code in (200, 202, 401), answer.text
    if answer.status_code == 401:
        # Neither its sender nor its signature can be read.
        assert await nothing_happened(database)
    else:
        assert await is_stored_or_kept(database)
    texts = await rows(database, "SELECT text FROM messages")
    assert all("\x00" not in row.text for row in texts)
    assert all(row.text.count("MARK") < 8 for row in texts), "an entity was expanded"
    assert (await published(database)).count("contact_received") <= 1


def test_table_has_every_kind_and_case() -> None:
    kinds = [*dict.fromkeys(sample.kind for sample in SAMPLES), MAILBOX_KIND]
    assert sorted(kinds) == sorted(CHANNELS)
    # `test_bad_mailboxes.py` has the row of the mailbox, and a check of its own for each case.
    assert set(CHECKS) == set(OTHER_CASES)
    assert {damage.case for damage in DAMAGES.values()} - {None} == set(CASES) - set(CHECKS)
    assert {story.sample.kind for story in STORIES} == {sample.kind for sample in SAMPLES}
    for kind, case in itertools.product(kinds, CASES):
        is_checked = kind == MAILBOX_KIND or any(
            applies(sample, case) for sample in SAMPLES if sample.kind == kind
        )
        is_excused = (kind, case) in NOT_APPLICABLE
        assert is_checked != is_excused or kind == MAILBOX_KIND, (kind, case)
    assert all(kind in kinds and case in CASES for kind, case in NOT_APPLICABLE)


@pytest.mark.parametrize("host", ["[::1", "a]b", "a:99999999", "a\u2100"])
async def test_wrong_host_is_no_error_of_ours(
    channel: httpx.AsyncClient, sample: Sample, host: str
) -> None:
    proof = sample.sign(sample.body, 0, SECRET)
    headers = [(b"Host", host.encode()), (b"Content-Type", sample.media_type.encode())]
    headers += [(name.encode(), value.encode()) for name, value in proof.headers.items()]
    content = sample.body if proof.body is None else proof.body
    for connection in ("acme", "stranger"):
        url = f"/v1/channels/{sample.kind}/{connection}{proof.address}"
        answer = await channel.post(url, content=content, headers=headers)
        assert answer.status_code in (200, 202, 401), answer.text


async def test_credentials_that_nobody_can_read_are_refused(
    channel: httpx.AsyncClient, sample: Sample
) -> None:
    headers = [(b"Content-Type", sample.media_type.encode()), (b"Authorization", b"Basic \xff")]
    answer = await channel.post(sample.path, content=sample.body, headers=headers)
    assert answer.status_code == 401, answer.text


async def test_two_secrets_are_valid_while_one_is_changed(
    channel: httpx.AsyncClient, sample: Sample
) -> None:
    settings = {"secret": f"the-next-secret-of-a-test,{SECRET}", "options": dict(sample.options)}
    await channel.put(sample.path, json=settings, headers=key("admin"))
    for secret in (SECRET, "the-next-secret-of-a-test"):
        proof = sample.sign(sample.body, 0, secret)
        assert (await post(channel, sample, sample.body, proof)).status_code == 200
