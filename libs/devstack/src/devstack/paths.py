"""Where the cache and the data of running stacks live."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LOCK_NAME = "in-use"


def data_home() -> Path:
    """`DEVSTACK_HOME`, else `.devstack` beside the nearest `.git`, else right here."""
    if given := os.environ.get("DEVSTACK_HOME"):
        return Path(given).resolve()
    here = Path.cwd()
    above = (place for place in (here, *here.parents) if (place / ".git").exists())
    return next(above, here) / ".devstack"


def cache_directory() -> Path:
    return data_home() / "cache"


@contextmanager
def run_directory(root: Path | None) -> Iterator[Path]:
    """A directory of its own for one stack, removed afterwards."""
    parent = (root or data_home()) / "run"
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        # One at a time, or a sweep could take a directory before its lock is held.
        with locked(parent / "lock"):
            _remove_leftovers(parent)
            directory = Path(tempfile.mkdtemp(dir=parent))
            held.callback(shutil.rmtree, directory, ignore_errors=True)
            held.enter_context(locked(directory / LOCK_NAME))
        # PostgreSQL may run as another user, who must get through to its data.
        directory.chmod(0o711)
        yield directory


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_leftovers(parent: Path) -> None:
    """Remove what stacks that were killed left behind: nobody holds their lock."""
    for lock_path in parent.glob(f"*/{LOCK_NAME}"):
        # A living stack holds it.
        with suppress(BlockingIOError), lock_path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_path.parent, ignore_errors=True)
