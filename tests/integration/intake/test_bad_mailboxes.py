"""The row of the mailbox in the table of bad input: mails as nobody should send them."""

import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import httpx
import pytest

from common.core.clock import TimeSource
from common.storage.database import Database
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.store import UnitOfWork
from intake.workers.mailbox_reading import MailRules
from integration.intake.bad_input import CASES, DAMAGES, MAILBOX_KIND, NOT_APPLICABLE
from integration.intake.harness import key, nothing_happened, published
from integration.intake.mailbox_harness import Intake, connect
from integration.intake.reordered_deliveries import MAIL_TEXTS, RAW_MAILS, raw_mail
from support.databases import rows
from support.hostile_imap import hostile_server
from support.imap_server import PASSWORD
from support.waiting import until

APPLICABLE: Final = [case for case in CASES if (MAILBOX_KIND, case) not in NOT_APPLICABLE]
RULES: Final = MailRules(
    CustomerNamespaces({}), SignReader(standard_rules()), max_bytes=32 * 1024 * 1024
)


def mailbox_of(mails: Sequence[bytes]) -> Mapping[str, bytes]:
    """Return what a server replies that has these mails, at most nine."""
    count = len(mails)
    numbers = b" ".join(b"%d" % number for number in range(1, count + 1))
    fetches = {
        f"UID FETCH {number}": b"* %d FETCH (UID %d RFC822.SIZE %d BODY[]<0> {%d}\r\n%b)\r\n"
        b"{tag} OK done\r\n" % (number, number, len(mail), len(mail), mail)
        for number, mail in enumerate(mails, start=1)
    }
    return {
        "SELECT": b"* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT %d]\r\n{tag} OK done\r\n" % (count + 1),
        "UID SEARCH": b"* SEARCH " + numbers + b"\r\n{tag} OK done\r\n",
        **fetches,
    }


async def read_all(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    mails: Sequence[bytes],
    name: str = "acme",
) -> Intake:
    """Have the mails read once, each stored or kept."""
    intake = Intake(database, RULES)
    with hostile_server(mailbox_of(mails)) as server:
        await connect(api, server.port, name, own_addresses=["support@example.com"])
        async with intake.run_until_read():
            outcomes = ("applied", "repeated", "kept")
            await until(lambda: sum(map(intake.count, outcomes)), lambda n: n >= len(mails))
    return intake


async def check_replayed(api: httpx.AsyncClient, database: Database[UnitOfWork]) -> None:
    await read_all(api, database, [RAW_MAILS[0], RAW_MAILS[0]])
    (message,) = await rows(database, "SELECT text FROM messages")
    assert "MARK" in message.text
    names = await published(database)
    assert (names.count("contact_received"), names.count("customer_wrote")) == (1, 1)


async def check_reordered(api: httpx.AsyncClient, database: Database[UnitOfWork]) -> None:
    for number, order in enumerate(itertools.permutations(RAW_MAILS)):
        name = f"order-{number}"
        await read_all(api, database, order, name)
        (contact,) = await rows(
            database, f"SELECT * FROM contacts WHERE received_from = 'imap:{name}'"
        )
        messages = await rows(
            database, f"SELECT * FROM messages WHERE contact_id = '{contact.contact_id}'"
        )
        assert contact.state == "open", order
        assert {row.text.strip(): row.author for row in messages} == MAIL_TEXTS, order


async def check_damages(case: str, api: httpx.AsyncClient, database: Database[UnitOfWork]) -> None:
    damages = [damage.apply for damage in DAMAGES.values() if damage.case == case]
    bodies = [
        damage(raw_mail(0, "Ada <ada@example.org>", f"No hot water since MARK {number}."))
        # Each is a mail of its own, if its head can still be read.
        .replace(b"<a-0@", b"<b-%d@" % number)
        for number, damage in enumerate(damages)
    ]
    last = raw_mail(9, "Eve <eve@example.org>", "Read after all others.")
    await read_all(api, database, [*bodies, last])
    stored = await rows(database, "SELECT text FROM messages")
    kept = await rows(database, "SELECT id FROM dead_letters")
    assert len(stored) + len(kept) == len(bodies) + 1
    assert "Read after all others." in [row.text.strip() for row in stored]
    assert all("\x00" not in row.text for row in stored)
    assert all(row.text.count("MARK") < 8 for row in stored), "an entity was expanded"


async def check_10_mb(api: httpx.AsyncClient, database: Database[UnitOfWork]) -> None:
    await read_all(api, database, [RAW_MAILS[0].replace(b"MARK", b"x" * 10_000_000)])
    (message,) = await rows(database, "SELECT text FROM messages")
    assert len(message.text) == 100_000


async def check_no_post_is_taken(
    headers: Mapping[str, str], api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    account = {"host": "imap.example.com", "user": "support"}
    settings = {"secret": PASSWORD, "options": account}
    await api.put("/v1/channels/imap/acme", json=settings, headers=key("admin"))
    for address in ("", f"/{PASSWORD}", f"?code={PASSWORD}"):
        url = f"/v1/channels/imap/acme{address}"
        answer = await api.post(url, content=RAW_MAILS[0], headers=headers)
        assert answer.status_code == 401
    assert await nothing_happened(database)


Check = Callable[[httpx.AsyncClient, Database[UnitOfWork]], Awaitable[None]]
CHECKS: Final[Mapping[str, Check]] = {
    "replayed": check_replayed,
    "reordered": check_reordered,
    "10 MB": check_10_mb,
    "unsigned": partial(check_no_post_is_taken, {"Authorization": ""}),
    "wrongly signed": partial(check_no_post_is_taken, {"Authorization": f"Bearer {PASSWORD}"}),
    **{
        case: partial(check_damages, case)
        for case in APPLICABLE
        if case in {damage.case for damage in DAMAGES.values()}
    },
}


def test_mailbox_has_every_case_that_applies() -> None:
    assert sorted(CHECKS) == sorted(APPLICABLE)


@pytest.mark.parametrize("case", APPLICABLE)
async def test_bad_mail_does_no_harm_and_is_not_lost(
    api: httpx.AsyncClient, database: Database[UnitOfWork], case: str
) -> None:
    database.clock = TimeSource()
    await CHECKS[case](api, database)
