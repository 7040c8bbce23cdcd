"""Says which step has started, which is done, and what a slow one is waiting for.

Needs only the standard library, so the Makefile can run it before anything is installed:
`python3 progress.py TITLE COMMAND...` runs a command as one step.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# A step that lasts longer gets a line each time this many seconds have passed.
REPORT_EVERY_S = 3.0


class Progress:
    """Times count from its creation. Without `write` it says nothing."""

    def __init__(
        self, write: Callable[[str], None] | None = None, report_every_s: float = REPORT_EVERY_S
    ) -> None:
        self._write = write
        self._report_every_s = report_every_s
        self._started_at = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Report the step while the block runs; a failed step is reported, too."""
        if self._write is None:
            yield
            return
        started_at = time.monotonic()
        self._say(f"{title} …")
        is_over = threading.Event()
        reporter = threading.Thread(
            target=self._keep_reporting, args=(title, started_at, is_over), daemon=True
        )
        reporter.start()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            is_over.set()
            reporter.join()
            self._say(f"{title}: {outcome} in {time.monotonic() - started_at:.1f} s")

    def _keep_reporting(self, title: str, started_at: float, is_over: threading.Event) -> None:
        while not is_over.wait(self._report_every_s):
            self._say(f"{title}: still running after {time.monotonic() - started_at:.0f} s")

    def _say(self, text: str) -> None:
        if self._write is not None:
            self._write(f"{time.monotonic() - self._started_at:6.1f} s  {text}")


def main(title: str, command: list[str]) -> int:
    progress = Progress(lambda line: print(line, flush=True))  # noqa: T201 - a command's output
    with progress.step(title):
        completed = subprocess.run(command, check=False)
        if completed.returncode:
            raise SystemExit(completed.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
