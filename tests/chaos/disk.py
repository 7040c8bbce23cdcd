"""A small file system for the database's tables, if this machine lets us mount one."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from stage.system import System

SIZE_MB = 768


@contextmanager
def small_disk() -> Iterator[Path | str]:
    """Mount it and unmount it afterwards, or yield the reason why that is impossible."""
    if os.geteuid() != 0:
        yield "only root may mount a file system"
        return
    # Not below a test's directory: PostgreSQL runs as another user and needs access.
    with tempfile.TemporaryDirectory(prefix="upstairs-disk-") as name:
        nobody = pwd.getpwnam("nobody")
        Path(name).chmod(0o711)
        place = Path(name) / "tables"
        place.mkdir()
        options = f"size={SIZE_MB}m,uid={nobody.pw_uid},gid={nobody.pw_gid},mode=0700"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]  # the system's own
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
        if mounted.returncode != 0:
            yield f"mount says: {mounted.stderr.strip()}"
            return
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)  # noqa: S607 - on root's path


async def move_to(disk: Path, system: System) -> None:
    """Move a new system's tables to the disk; the write-ahead log stays where it is."""
    connection = await asyncpg.connect(system.stack.postgres_admin_url)
    try:
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        await connection.execute(f"ALTER DATABASE {system.namespace} SET TABLESPACE small")
    finally:
        await connection.close()
