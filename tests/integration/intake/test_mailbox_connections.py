"""Connections of mailboxes: what is noticed of them, passwords, and a pause."""

import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import key
from integration.intake.mailbox_harness import (
    Intake,
    connect,
    count_contacts,
    mail,
    open_intake_database,
    read_mailbox,
)
from support.databases import Postgres, rows
from support.hostile_imap import hostile_server
from support.imap_server import PASSWORD, MailServer, mail_server
from support.probe import run_workers, sum_samples
from support.waiting import until

WITH_COMMA = "a password, of a test,7f3c"


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


async def test_mails_and_failures_are_noticed_and_empty_polls_are_not(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await connect(api, server.port)
    async with intake.run_until_read(2):
        assert intake.noticed.take() == []
        await server.add(mail(1))
        await until(lambda: intake.count("applied"))
    (row,) = intake.noticed.take()
    assert (row.kind, row.connection, row.failure_code) == ("imap", "acme", None)
    assert row.last_delivery_at is not None
    await server.add(b"Subject: nobody sent this\r\n\r\nx\r\n")
    async with intake.run_until_read():
        await until(lambda: intake.count("kept"))
    (row,) = intake.noticed.take()
    assert row.last_delivery_at is not None
    assert (row.failure_code, row.failure_detail) == ("delivery-kept", "UnreadableDeliveryError")
    await connect(api, server.port, folder="Nowhere")
    async with run_workers(intake.worker):
        await until(lambda: intake.count_polls("failed"))
    (row,) = intake.noticed.take()
    assert (row.last_delivery_at, row.failure_code) == (None, "mailbox-unreadable")
    assert row.failure_detail == (await read_mailbox(database)).error


async def test_paused_mailbox_is_not_read_and_keeps_its_place(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    await server.add(mail(1))
    await connect(api, server.port)
    async with intake.run_until_read():
        pass
    before = await read_mailbox(database)
    await server.add(mail(2))
    await connect(api, server.port, fields={"state": "paused"})
    await connect(api, server.port, "other", folder="INBOX", begin="new")
    polls = intake.count_polls()
    database.clock.offset += timedelta(minutes=10)
    async with intake.run_until_read(2):
        pass
    paused = sum_samples(intake.metrics.polls, connection="acme", outcome="read")
    assert paused == polls
    after = await read_mailbox(database)
    assert (after.last_uid, after.uid_validity) == (before.last_uid, before.uid_validity)
    assert await server.count("UNSEEN") == 1
    await connect(api, server.port, fields={"state": "active"})
    async with run_workers(intake.worker):
        await until(lambda: intake.count("applied"), lambda count: count == 2)
    assert intake.count("repeated") == 0


@pytest.mark.parametrize("change", ["paused", "archived"])
async def test_mailbox_paused_or_archived_while_it_is_read_stores_nothing_more(
    api: httpx.AsyncClient, database: Database[UnitOfWork], intake: Intake, change: str
) -> None:
    may_answer = threading.Event()
    with hostile_server({}, {"UID FETCH 2": may_answer}) as server:
        await connect(api, server.port)
        async with run_workers(intake.worker):
            await until(server.command_came.is_set)
            assert await count_contacts(database) == 1
            if change == "paused":
                await connect(api, server.port, fields={"state": "paused"})
            else:
                await api.delete("/v1/channels/imap/acme", headers=key("admin"))
            may_answer.set()
            await until(lambda: held_mailboxes(database), lambda count: count == 0)
            assert await count_contacts(database) == 1
            # Active again, it goes on at once where it was.
            await connect(api, server.port, fields={"secret": PASSWORD, "state": "active"})
            await until(lambda: count_contacts(database), lambda count: count == 3)


async def held_mailboxes(database: Database[UnitOfWork]) -> int:
    (row,) = await rows(database, "SELECT count(holder) AS held FROM mailboxes")
    return int(row.held)


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": WITH_COMMA},
        {"secrets": [{"value": WITH_COMMA}]},
        {"secrets": [{"value": "the,next,password,7f3c"}, {"value": WITH_COMMA}]},
    ],
)
async def test_password_with_commas_opens_the_mailbox_also_while_it_is_changed(
    api: httpx.AsyncClient, database: Database[UnitOfWork], intake: Intake, fields: dict[str, Any]
) -> None:
    async with mail_server(password=WITH_COMMA) as server:
        await server.add(mail(1))
        await connect(api, server.port, fields=fields)
        async with intake.run_until_read():
            pass
    assert await count_contacts(database) == 1


async def test_refusal_of_both_passwords_names_neither(
    api: httpx.AsyncClient, database: Database[UnitOfWork], server: MailServer, intake: Intake
) -> None:
    wrong = ("a,wrong,password,7f3c", "another,wrong,one,7f3c")
    await connect(api, server.port, fields={"secrets": [{"value": each} for each in wrong]})
    async with run_workers(intake.worker):
        await until(lambda: intake.count_polls("failed"))
    error = (await read_mailbox(database)).error
    assert error.startswith("the login is refused")
    assert not any(each in error for each in wrong)
