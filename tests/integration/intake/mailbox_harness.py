"""The mailbox worker of one process, and what tests of it need."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx

from common.core.clock import TimeSource
from common.core.metrics import Metrics
from common.core.networks import read_networks
from common.core.sealed_secrets import SecretBox
from common.http.guarded_calls import GuardedCalls
from common.storage.database import Database
from intake.access_tokens import AccessTokens
from intake.connection_secrets import ConnectionSecrets
from intake.connections.activity import NoticedActivity
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.metrics import MailboxMetrics
from intake.settings import Settings
from intake.store import UnitOfWork
from intake.workers.mailbox_reading import MailRules
from intake.workers.mailboxes import MailboxWorker
from integration.intake.harness import key
from support.databases import Postgres, open_database, rows
from support.imap_server import PASSWORD, USER
from support.probe import run_workers, sum_samples
from support.service_harness import ENCRYPTION_KEY
from support.waiting import until

RULES = MailRules(CustomerNamespaces({}), SignReader(standard_rules()), max_bytes=20_000)


@asynccontextmanager
async def open_intake_database(
    postgres: Postgres, database_name: str
) -> AsyncIterator[Database[UnitOfWork]]:
    """With time that passes: mailboxes are read again after a while."""
    unit_of_work = partial(UnitOfWork, secrets=ConnectionSecrets(SecretBox(ENCRYPTION_KEY)))
    async with open_database(
        postgres, database_name, "intake", unit_of_work, clock=TimeSource()
    ) as database:
        yield database


def mail(number: int, text: str = "No hot water.") -> bytes:
    lines = [
        f"From: Ada <ada-{number}@example.org>",
        "To: support@example.com",
        f"Message-ID: <m-{number}@example.org>",
        "Subject: Boiler",
        "",
        text,
        "",
    ]
    return "\r\n".join(lines).encode()


class Intake:
    """The worker of one process, which reads what is due at once."""

    def __init__(
        self, database: Database[UnitOfWork], rules: MailRules = RULES, **changes: Any
    ) -> None:
        self.database = database
        self.metrics = MailboxMetrics(Metrics())
        self.noticed = NoticedActivity()
        settings = Settings.model_validate(
            {
                "database_url": "postgresql+asyncpg://unused@localhost/unused",
                "kafka_bootstrap": "unused",
                "mailbox_poll_seconds": 1,
                "mailbox_networks": "127.0.0.0/8, ::1",
                "call_networks": "127.0.0.0/8",
                **changes,
            }
        )
        calls = GuardedCalls(
            read_networks(settings.call_networks), timeout_s=2, max_answer_bytes=1_000_000
        )
        tokens = AccessTokens(calls, database)
        self.worker = MailboxWorker(settings, database, rules, self.noticed, self.metrics, tokens)

    def count(self, outcome: str) -> float:
        return sum_samples(self.metrics.mails, outcome=outcome)

    def count_polls(self, outcome: str = "read") -> float:
        return sum_samples(self.metrics.polls, outcome=outcome)

    @asynccontextmanager
    async def run_until_read(self, polls: int = 1) -> AsyncIterator[None]:
        """Run it until the mailboxes were read so many times more."""
        before = self.count_polls()
        async with run_workers(self.worker):
            await until(self.count_polls, lambda count: count >= before + polls)
            yield


async def connect(
    api: httpx.AsyncClient,
    port: int,
    name: str = "acme",
    fields: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    account = {"host": "127.0.0.1", "port": port, "user": USER, "tls": "none", "begin": "all"}
    answer = await api.put(
        f"/v1/channels/imap/{name}",
        json={"options": account | options, **(fields or {"secret": PASSWORD})},
        headers=key("admin"),
    )
    assert answer.status_code == 204, answer.text


async def count_contacts(database: Database[UnitOfWork]) -> int:
    (counted,) = await rows(database, "SELECT count(*) AS contacts FROM contacts")
    return int(counted.contacts)


async def read_mailbox(database: Database[UnitOfWork], name: str = "acme") -> Any:
    (row,) = await rows(database, f"SELECT * FROM mailboxes WHERE connection = '{name}'")
    return row
