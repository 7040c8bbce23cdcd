"""Mails that are posted, and imported from a file, are the same contacts."""

import hmac
from functools import partial
from urllib.parse import urlencode

import httpx
import pytest

from common.core.clock import TimeSource
from common.storage.database import Database
from intake.commands.import_mail import ConnectionNotFoundError, import_mails, split_mails
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.event_preparation import prepare_events
from intake.store import UnitOfWork
from integration.intake.harness import key, nothing_happened, published
from support.databases import rows

SECRET = "a-secret-of-a-test-7f3c"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PREPARE = partial(
    prepare_events, namespaces=CustomerNamespaces({}), signs=SignReader(standard_rules())
)
ACCOUNTS = {"imap": {"host": "imap.example.com", "user": "support"}}
MBOX = b"""From ada@example.org Sat Nov 28 10:00:00 2026
From: Ada <ada@example.org>
To: support@example.com
Message-ID: <a-1@x>
Date: Sat, 28 Nov 2026 10:00:00 +0000
Subject: Boiler

No hot water.
>From Monday on.

From rita@example.com Sat Nov 28 11:00:00 2026
From: Rita <rita@example.com>
To: ada@example.org
Message-ID: <b-2@x>
In-Reply-To: <a-1@x>
Date: Sat, 28 Nov 2026 11:00:00 +0000

We come.

From nobody Sat Nov 28 12:00:00 2026
Subject: no sender

x
"""


async def connect(api: httpx.AsyncClient, kind: str) -> None:
    options = {"own_addresses": ["@example.com"]} | ACCOUNTS.get(kind, {})
    answer = await api.put(
        f"/v1/channels/{kind}/acme",
        json={"secret": SECRET, "options": options},
        headers=key("admin"),
    )
    assert answer.status_code == 204


def test_mails_of_a_file_are_told_apart() -> None:
    mails = [*split_mails(MBOX)]
    assert len(mails) == 3
    assert b"\nFrom Monday on." in mails[0]
    assert [*split_mails(b"From: a@b.example\n\nHi")] == [b"From: a@b.example\n\nHi"]
    assert [*split_mails(b"\n")] == []


@pytest.mark.parametrize("kind", ["sendgrid", "imap"])
async def test_mails_of_a_file_are_imported_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork], kind: str
) -> None:
    await connect(api, kind)
    for _ in range(2):
        counts = await import_mails(kind, "acme", MBOX, database, PREPARE)
        assert counts == (2, 1)
    assert await published(database) == [
        "contact_received",
        "customer_wrote",
        "representative_replied",
    ]


async def test_import_needs_a_connection(database: Database[UnitOfWork]) -> None:
    with pytest.raises(ConnectionNotFoundError):
        await import_mails("sendgrid", "acme", MBOX, database, PREPARE)


def mailgun_post(text: str, reference: str = "<a-1@x>", secret: str = SECRET) -> bytes:
    timestamp, token = str(int(TimeSource().utc_now().timestamp())), "t-81"
    signature = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    proof = {"timestamp": timestamp, "token": token, "signature": signature}
    mail = {"from": "ada@example.org", "In-Reply-To": reference, "body-plain": text}
    return urlencode(proof | mail).encode()


async def test_token_of_mailgun_counts_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """The signature does not cover the mail: a stranger could write another one to it."""
    await connect(api, "mailgun")
    path = "/v1/channels/mailgun/acme"
    first = await api.post(path, content=mailgun_post("Hello"), headers=FORM)
    assert first.status_code == 200
    forged = await api.post(path, content=mailgun_post("I am your director"), headers=FORM)
    assert forged.json()["results"][0]["repeated"] is True
    elsewhere = await api.post(path, content=mailgun_post("Hello", "<c-3@x>"), headers=FORM)
    assert elsewhere.json()["kept"] is True
    assert [row.text for row in await rows(database, "SELECT text FROM messages")] == ["Hello"]


async def test_post_with_a_wrong_signature_is_refused(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await connect(api, "mailgun")
    for body in (mailgun_post("Hello", secret="a-guess"), b"", b"a=1", b"\xff\x00" * 9):
        answer = await api.post("/v1/channels/mailgun/acme", content=body, headers=FORM)
        assert answer.status_code == 401
    assert await nothing_happened(database)
