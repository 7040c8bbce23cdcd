"""TLS to PostgreSQL: what the URL says holds for services, migrations and commands."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.service.provision import provision_schema
from common.service.settings import ServiceSettings
from common.storage.database import connect
from common.storage.migrations import migrate
from support.certificates import Authority
from support.databases import EMPTY, PASSWORDS, Postgres
from support.tls_proxy import TlsProxy, tls_proxy

SERVICE = "intake"


@dataclass(frozen=True)
class TlsServer:
    """PostgreSQL that is reached with TLS only; its certificate is for 127.0.0.1."""

    proxy: TlsProxy
    authority: Authority
    admin: str
    own: str
    owner: str

    def url(
        self, mode: str = "verify-full", ca_file: Path | None = None, host: str = "127.0.0.1"
    ) -> str:
        return self._with_tls(self.own, mode, ca_file, host)

    @property
    def admin_url(self) -> str:
        return self._with_tls(self.admin, "verify-full", None, "127.0.0.1")

    @property
    def owner_url(self) -> str:
        return self._with_tls(self.owner, "verify-full", None, "127.0.0.1")

    def _with_tls(self, url: str, mode: str, ca_file: Path | None, host: str) -> str:
        place = make_url(url).set(host=host, port=self.proxy.port)
        file = quote(str(ca_file or self.authority.ca_file))
        plain = place.render_as_string(hide_password=False)
        return f"{plain}?sslmode={mode}" + ("" if mode == "disable" else f"&sslrootcert={file}")


@pytest.fixture
async def server(postgres: Postgres, tmp_path: Path) -> AsyncIterator[TlsServer]:
    """An empty database behind it."""
    authority, place = Authority(tmp_path, "authority"), make_url(postgres.admin_url)
    assert place.host is not None
    assert place.port is not None
    async with (
        postgres.clone(EMPTY) as name,
        tls_proxy(place.host, place.port, authority.issue("127.0.0.1")) as proxy,
    ):
        yield TlsServer(
            proxy,
            authority,
            postgres.admin_of(name),
            postgres.url(name, SERVICE),
            postgres.owner_url(name, SERVICE),
        )


async def answer(url: str) -> int:
    engine = connect(url, schema=SERVICE)
    try:
        async with AsyncEngine(engine.sync_engine).connect() as connection:
            return int((await connection.execute(text("SELECT 7"))).scalar_one())
    finally:
        await engine.dispose()


async def test_provision_migrate_serve_and_commands_connect_with_tls(server: TlsServer) -> None:
    await provision_schema(server.admin_url, SERVICE, PASSWORDS)
    provisioned = server.proxy.encrypted
    assert provisioned > 0
    await asyncio.to_thread(migrate, SERVICE, server.owner_url)
    migrated = server.proxy.encrypted
    assert migrated > provisioned
    assert await answer(server.url()) == 7
    command = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", SERVICE, "dead-letters", "list", "--json"],
        env={"PATH": os.environ["PATH"], "UPSTAIRS_DATABASE_URL": server.url()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (command.returncode, command.stdout) == (0, ""), command.stderr
    assert server.proxy.encrypted == migrated + 2


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
async def test_server_that_another_authority_signed_for_is_refused(
    server: TlsServer, mode: str, tmp_path: Path
) -> None:
    await provision_schema(server.admin_url, SERVICE, PASSWORDS)
    other = Authority(tmp_path, "other").ca_file
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await answer(server.url(mode, other))


async def test_server_under_another_name_is_refused(server: TlsServer) -> None:
    await provision_schema(server.admin_url, SERVICE, PASSWORDS)
    with pytest.raises(OSError, match="Hostname mismatch"):
        await answer(server.url(host="localhost"))
    assert await answer(server.url("verify-ca", host="localhost")) == 7


async def test_connection_without_tls_does_not_reach_such_a_server(server: TlsServer) -> None:
    with pytest.raises(DBAPIError, match="connection was closed"):
        await answer(server.url("disable"))
    assert server.proxy.encrypted == 0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?sslmode=verify-fully", "sslmode verify-fully is not one of disable"),
        ("?sslmode=verify-full", "sslmode verify-full needs sslrootcert"),
        ("?ssl=verify-full&sslrootcert=none.pem", "The file none.pem of sslrootcert"),
    ],
)
def test_wrong_tls_parameters_are_refused_at_the_start(query: str, message: str) -> None:
    url = f"postgresql+asyncpg://role@localhost/db{query}"
    with pytest.raises(ValueError, match=message):
        ServiceSettings.model_validate({"database_url": url, "kafka_bootstrap": "kafka:9092"})
