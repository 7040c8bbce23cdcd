"""Mailboxes: each mail once, marked only when it is stored, whatever happens between."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from common.storage.database import Database
from intake.store import UnitOfWork
from intake.store.mailboxes import LeaseLostError
from intake.workers import mailbox_reading
from integration.intake.harness import key, published
from integration.intake.mailbox_harness import (
    Intake,
    connect,
    count_contacts,
    mail,
    open_intake_database,
    read_mailbox,
)
from support.certificates import Authority
from support.databases import Postgres, rows
from support.imap_server import PASSWORD, MailServer, mail_server
from support.probe import run_workers
from support.waiting import until


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with open_intake_database(postgres, database_name) as database:
        yield database


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest.fixture
def intake(database: Database[UnitOfWork]) -> Intake:
    return Intake(database)


async def test_mails_become_contacts_once_and_are_marked(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1), mail(2))
    await connect(api, server.port)
    async with intake.run_until_read():
        assert await server.count("UNSEEN") == 0
        await server.add(mail(3), mail(1, "Sent again by a relay."))
        await until(lambda: intake.count("repeated"), lambda count: count == 1)
    assert await count_contacts(database) == 3
    assert (await published(database)).count("contact_received") == 3
    assert await server.count("SEEN") == 4


async def test_mail_that_was_there_before_is_left_alone(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1))
    await connect(api, server.port, begin="new")
    async with intake.run_until_read():
        await server.add(mail(2))
        await until(lambda: intake.count("applied"), lambda count: count == 1)
    assert await count_contacts(database) == 1
    assert await server.count("UNSEEN") == 1


async def test_stored_mails_move_to_another_folder(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.create("Done")
    await server.add(mail(1), b"Subject: nobody sent this\r\n\r\nx\r\n")
    await connect(api, server.port, after="move", move_to="Done")
    async with intake.run_until_read():
        pass
    assert (await server.count("ALL"), await server.count("ALL", "Done")) == (1, 1)
    (letter,) = await rows(database, "SELECT reason, payload FROM dead_letters")
    assert letter.reason == "UnreadableDeliveryError: The mail has no sender."
    assert await count_contacts(database) == 1


async def test_mailbox_that_can_only_be_read_is_left_as_it_is(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1))
    await connect(api, server.port, after="leave")
    async with intake.run_until_read(2):
        pass
    assert await count_contacts(database) == 1
    assert await server.count("UNSEEN") == 1
    assert intake.count("repeated") == 0, "it is fetched once"


async def test_large_mail_is_kept_without_its_body_and_holds_up_nobody(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1, "x" * 30_000), mail(2))
    await connect(api, server.port)
    async with intake.run_until_read():
        pass
    assert await count_contacts(database) == 1
    (letter,) = await rows(database, "SELECT id, reason, payload FROM dead_letters")
    assert letter.reason.startswith("MailTooLargeError")
    assert b"m-1@example.org" in letter.payload
    assert len(letter.payload) < 1000
    assert await server.count("UNSEEN") == 1
    replayed = await api.post(f"/v1/dead-letters/{letter.id}/replay", headers=key("admin"))
    assert replayed.status_code == 200, replayed.text
    assert await count_contacts(database) == 2


async def test_folder_with_new_numbers_gives_no_contact_twice(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.create("Help")
    await server.add(mail(1), mail(2), folder="Help")
    await connect(api, server.port, folder="Help")
    async with intake.run_until_read():
        pass
    before = await read_mailbox(database)
    await server.delete("Help")
    await server.create("Help")
    await server.add(mail(2), mail(3), folder="Help")
    async with intake.run_until_read():
        await until(lambda: intake.count("applied"), lambda count: count == 3)
    after = await read_mailbox(database)
    assert before.uid_validity != after.uid_validity
    assert intake.count("repeated") == 1
    assert await count_contacts(database) == 3


async def test_thousands_of_mails_are_read_in_turns(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    server: MailServer,
    intake: Intake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox_reading, "MAX_MAILS", 7)
    await server.add(*(mail(number) for number in range(20)))
    await connect(api, server.port)
    async with intake.run_until_read(3):
        pass
    assert await count_contacts(database) == 20


async def test_two_processes_read_each_mail_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer
) -> None:
    await server.add(*(mail(number) for number in range(10)))
    await connect(api, server.port)
    first, second = Intake(database), Intake(database)
    async with run_workers(first.worker, second.worker):
        await until(
            lambda: first.count("applied") + second.count("applied"), lambda count: count == 10
        )
    assert first.count("repeated") + second.count("repeated") == 0
    assert await count_contacts(database) == 10


async def test_lease_of_a_process_that_died_ends(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1))
    await connect(api, server.port)
    async with database.transaction() as uow:
        assert await uow.mailboxes.claim_due("a process that dies") is not None
    async with database.transaction() as uow:
        assert await uow.mailboxes.claim_due("another process") is None
    database.clock.offset += timedelta(minutes=11)
    async with intake.run_until_read():
        pass
    assert await count_contacts(database) == 1


async def test_process_that_lost_its_lease_stores_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer
) -> None:
    await connect(api, server.port)
    async with database.transaction() as uow:
        late = await uow.mailboxes.claim_due("late")
    assert late is not None
    database.clock.offset += timedelta(minutes=11)
    async with database.transaction() as uow:
        assert await uow.mailboxes.claim_due("next") is not None
    with pytest.raises(LeaseLostError):
        async with database.transaction() as uow:
            await uow.mailboxes.save(late.advance(7))
    async with database.transaction() as uow:
        await uow.mailboxes.release(late, uow.now)
    mailbox = await read_mailbox(database)
    assert (mailbox.holder, mailbox.last_uid) == ("next", 0)


async def test_mailbox_that_fails_says_why_and_stops_no_other(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1))
    await connect(api, server.port, "acme")
    await connect(api, server.port, "wrong-user", user="nobody")
    await connect(api, server.port, "wrong-folder", folder="Nowhere & näher")
    await connect(api, server.port, "no-certificate", tls="starttls")
    await connect(api, server.port, "inward", host="10.255.0.1")
    async with intake.run_until_read():
        await until(lambda: intake.count_polls("failed"), lambda count: count >= 4)
    errors = {
        row.connection: row.error
        for row in await rows(database, "SELECT connection, error FROM mailboxes")
    }
    assert errors["acme"] is None
    assert "UPSTAIRS_MAILBOX_NETWORKS" in errors["inward"]
    assert errors["wrong-user"].startswith("the login is refused")
    assert errors["wrong-folder"].startswith("the folder can't be opened")
    assert "TLS" in errors["no-certificate"]
    assert not any(PASSWORD in (error or "") for error in errors.values())
    assert await count_contacts(database) == 1


async def test_certificate_must_be_of_the_named_host_and_of_a_known_authority(
    api: httpx.AsyncClient, database: Database[UnitOfWork], tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    intake = Intake(database, mailbox_ca_file=authority.ca_file)
    stranger = Intake(database)
    async with mail_server(authority.issue("localhost")) as server:
        await connect(api, server.port, tls="starttls", host="localhost")
        async with intake.run_until_read():
            pass
        await connect(api, server.port, tls="starttls", host="127.0.0.1")
        async with run_workers(intake.worker):
            await until(lambda: intake.count_polls("failed"))
        assert "not valid for '127.0.0.1'" in (await read_mailbox(database)).error
        await connect(api, server.port, tls="starttls", host="localhost")
        database.clock.offset += timedelta(minutes=6)
        async with run_workers(stranger.worker):
            await until(lambda: stranger.count_polls("failed"))
    assert "unable to get local issuer" in (await read_mailbox(database)).error


async def test_mailbox_goes_with_its_connection(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await connect(api, server.port)
    async with intake.run_until_read():
        pass
    async with database.transaction() as uow:
        await uow.connection.execute(text("DELETE FROM channel_connections"))
    await connect(api, server.port, "other")
    async with intake.run_until_read():
        pass
    assert [row.connection for row in await rows(database, "SELECT * FROM mailboxes")] == ["other"]
