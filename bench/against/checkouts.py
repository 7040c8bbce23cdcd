"""A revision of this repository, installed below `bench/out` into a `.venv` of its own."""

import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKOUTS = ROOT / "bench" / "out" / "checkouts"
WORKER = Path("bench", "against", "worker.py")


class UnknownRevisionError(Exception):
    """Git knows no such revision."""


@dataclass(frozen=True)
class Checkout:
    """`label` is for people and for the names of figures."""

    label: str
    root: Path

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    @property
    def worker(self) -> Path:
        """Its own worker if it has one: that one knows its names."""
        own = self.root / WORKER
        return own if own.exists() else ROOT / WORKER


THIS = Checkout("this", ROOT)


def check_out(revision: str) -> Checkout:
    """Install the revision with its own `make setup`, unless an earlier run has done so."""
    commit = _commit(revision)
    checkout = Checkout(commit[:7], CHECKOUTS / commit)
    if not (checkout.root / ".venv" / ".ready").exists():
        print(f"installing {checkout.label} in {checkout.root} …", flush=True)
        shutil.rmtree(checkout.root, ignore_errors=True)
        archive = _run(["git", "archive", commit], ROOT).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(checkout.root, filter="data")
        python = Path(sys.base_prefix) / "bin" / "python3"
        _run(["make", "-s", "setup", f"PYTHON={python}"], checkout.root)
    return checkout


def _commit(revision: str) -> str:
    command = ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"]
    try:
        return _run(command, ROOT).stdout.decode().strip()
    except subprocess.CalledProcessError:
        message = f"{revision} is no revision of this repository"
        raise UnknownRevisionError(message) from None


def _run(command: list[str], directory: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=directory, check=True, stdout=subprocess.PIPE)
