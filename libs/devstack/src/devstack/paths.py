"""Directories for the cache and the data of running stacks."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LOCK_NAME = "in-use"


def data_home() -> Path:
    """Return `DEVSTACK_HOME`, or `.devstack` next to `.git`, or in the current directory."""
    if configured := os.environ.get("DEVSTACK_HOME"):
        return Path(configured).resolve()
    here = Path.cwd()
    repositories = (path for path in (here, *here.parents) if (path / ".git").exists())
    return next(repositories, here) / ".devstack"


def cache_directory() -> Path:
    return data_home() / "cache"


@contextmanager
def run_directory(root: Path | None) -> Iterator[Path]:
    """Make a directory for one stack and remove it afterwards."""
    parent = (root or data_home()) / "run"
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as cleanup:
        # One process at a time: a directory without its lock would be removed as a leftover.
        with locked(parent / "lock"):
            _remove_leftovers(parent)
            directory = Path(tempfile.mkdtemp(dir=parent))
            cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
            cleanup.enter_context(locked(directory / LOCK_NAME))
        # PostgreSQL may run as another user, who needs access to its data.
        directory.chmod(0o711)
        yield directory


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_leftovers(parent: Path) -> None:
    """Remove the directories of killed stacks: their locks are free."""
    for lock_path in parent.glob(f"*/{LOCK_NAME}"):
        # A running stack holds its lock.
        with suppress(BlockingIOError), lock_path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_path.parent, ignore_errors=True)
