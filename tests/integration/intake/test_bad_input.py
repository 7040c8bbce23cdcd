"""Whatever is wrong with a delivery: no 500, no half contact, nothing acknowledged and lost."""

import json
from collections.abc import Callable, Mapping

import httpx
import pytest

from common.storage.database import Database
from intake.channels.registry import MAIL_KINDS
from intake.store import UnitOfWork
from integration.intake.channel_samples import SAMPLES, SECRET, Sample, Signed
from integration.intake.harness import key, nothing_happened, published
from support.databases import rows

NAMES = [sample.name for sample in SAMPLES]
# Of the others the proof is a secret, whatever the body.
SIGNED = [sample for sample in SAMPLES if sample.covers_body]
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "MARK"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b"<a>&c;</a>"
)
DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "truncated": lambda body: body[: len(body) * 2 // 3],
    "latin-1": lambda body: body.replace(b"MARK", b"M\xfcrz"),
    "BOM": lambda body: b"\xef\xbb\xbf" + body,
    "surrogate": lambda body: body.replace(b"MARK", b"\\ud83d"),
    "encoded surrogate": lambda body: body.replace(b"MARK", b"\xed\xa0\xbd"),
    "NUL": lambda body: body.replace(b"MARK", b"\x00"),
    "escaped NUL": lambda body: body.replace(b"MARK", b"\\u0000"),
    "character references": lambda body: body.replace(b"MARK", b"&#0;&#xD800;"),
    "percent-encoded NUL": lambda body: body.replace(b"MARK", b"%00%ED%A0%80"),
    "empty": lambda _: b"",
    "entity bomb": lambda _: BOMB,
    "nested": lambda _: b"[" * 5_000,
    "nested and closed": lambda _: b"[" * 900 + b"]" * 900,
    "nested XML": lambda _: b"<a>" * 20_000 + b"</a>" * 20_000,
    "null": lambda _: b"null",
    "number": lambda _: b"1e400",
    "text": lambda _: b'"MARK"',
    "bytes": lambda _: bytes(range(256)),
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "line breaks": lambda body: body.replace(b"MARK", b"\r\n\r\n--\r\n"),
}


@pytest.fixture(params=SAMPLES, ids=NAMES)
def sample(request: pytest.FixtureRequest) -> Sample:
    chosen: Sample = request.param
    return chosen


@pytest.fixture
async def channel(api: httpx.AsyncClient, sample: Sample) -> httpx.AsyncClient:
    """The API with a connection of the kind set up, called without an API key."""
    settings = {"secret": SECRET, "options": dict(sample.options)}
    answer = await api.put(sample.path, json=settings, headers=key("admin"))
    assert answer.status_code == 204, answer.text
    del api.headers["Authorization"]
    return api


async def post(
    channel: httpx.AsyncClient,
    sample: Sample,
    body: bytes,
    signed: Signed | None = None,
    media_type: str | None = None,
) -> httpx.Response:
    proof = signed or sample.sign(body, 0, SECRET)
    headers = {"Content-Type": media_type or sample.media_type} | dict(proof.headers)
    return await channel.post(sample.path + proof.address, content=body, headers=headers)


async def is_stored_or_kept(database: Database[UnitOfWork]) -> bool:
    (counted,) = await rows(
        database,
        "SELECT (SELECT count(*) FROM contacts) AS contacts,"
        " (SELECT count(*) FROM dead_letters) AS letters",
    )
    return bool(counted.contacts or counted.letters)


async def test_delivery_becomes_a_contact_with_its_text_once(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    answers = [await post(channel, sample, sample.body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].headers["content-type"] == sample.reply_type
    (contact,) = await rows(database, "SELECT * FROM contacts")
    assert contact.received_from == f"{sample.kind}:acme"
    (message,) = await rows(database, "SELECT text FROM messages")
    assert "MARK" in message.text
    names = await published(database)
    assert (names.count("contact_received"), names.count("customer_wrote")) == (1, 1)
    assert await rows(database, "SELECT id FROM dead_letters") == []


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damaged_delivery_is_stored_or_kept(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample, damage: str
) -> None:
    for _ in range(2):
        answer = await post(channel, sample, DAMAGES[damage](sample.body))
        assert answer.status_code in (200, 202, 401), answer.text
    if answer.status_code == 401:
        # Neither its sender nor its signature can be read.
        assert await nothing_happened(database)
    else:
        assert await is_stored_or_kept(database)
    texts = await rows(database, "SELECT text FROM messages")
    assert all("\x00" not in row.text for row in texts)
    assert (await published(database)).count("contact_received") <= 1


async def test_wrong_media_type_loses_nothing(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    answer = await post(channel, sample, sample.body, media_type="image/png")
    assert answer.status_code in (200, 202)
    assert await is_stored_or_kept(database)


@pytest.mark.parametrize("host", ["[::1", "a]b", "a:99999999", "a\u2100"])
async def test_wrong_host_is_no_error_of_ours(
    channel: httpx.AsyncClient, sample: Sample, host: str
) -> None:
    proof = sample.sign(sample.body, 0, SECRET)
    headers = [(b"Host", host.encode()), (b"Content-Type", sample.media_type.encode())]
    headers += [(name.encode(), value.encode()) for name, value in proof.headers.items()]
    for connection in ("acme", "stranger"):
        url = f"/v1/channels/{sample.kind}/{connection}{proof.address}"
        answer = await channel.post(url, content=sample.body, headers=headers)
        assert answer.status_code in (200, 202, 401), answer.text


async def test_credentials_that_nobody_can_read_are_refused(
    channel: httpx.AsyncClient, sample: Sample
) -> None:
    headers = [(b"Content-Type", sample.media_type.encode()), (b"Authorization", b"Basic \xff")]
    answer = await channel.post(sample.path, content=sample.body, headers=headers)
    assert answer.status_code == 401, answer.text


async def test_body_of_10_mb_is_refused_unless_it_may_be_a_mail(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    body = sample.body.replace(b"MARK", b"x" * 10_000_000)
    answer = await post(channel, sample, body)
    if sample.kind in MAIL_KINDS:
        assert answer.json()["kept"] is False
        (message,) = await rows(database, "SELECT text FROM messages")
        assert len(message.text) == 100_000
        return
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert await nothing_happened(database)


async def test_delivery_without_its_right_proof_is_refused(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    proofs = [Signed({}), sample.sign(sample.body, 0, "a-guess-of-a-stranger")]
    if sample.has_time:
        proofs += [sample.sign(sample.body, age_s, SECRET) for age_s in (301, -301)]
    for proof in proofs:
        answer = await post(channel, sample, sample.body, proof)
        assert answer.status_code == 401
    assert await nothing_happened(database)
    assert not await is_stored_or_kept(database)


@pytest.mark.parametrize("sample", SIGNED, ids=[each.name for each in SIGNED], indirect=True)
async def test_signature_over_another_writing_of_the_body_is_refused(
    channel: httpx.AsyncClient, database: Database[UnitOfWork], sample: Sample
) -> None:
    proof = sample.sign(sample.body, 0, SECRET)
    answer = await post(channel, sample, _rewritten(sample.body), proof)
    assert answer.status_code == 401
    assert not await is_stored_or_kept(database)


async def test_two_secrets_are_valid_while_one_is_changed(
    channel: httpx.AsyncClient, sample: Sample
) -> None:
    settings = {"secret": f"the-next-secret-of-a-test,{SECRET}", "options": dict(sample.options)}
    await channel.put(sample.path, json=settings, headers=key("admin"))
    for secret in (SECRET, "the-next-secret-of-a-test"):
        proof = sample.sign(sample.body, 0, secret)
        assert (await post(channel, sample, sample.body, proof)).status_code == 200


def _rewritten(body: bytes) -> bytes:
    """Return the same content, as another program would write it."""
    try:
        return json.dumps(json.loads(body), indent=1).encode()
    except ValueError:
        return body.replace(b"MARK", b"mark")
