"""OS processes that can be killed, paused and measured, and that end with this one."""

import asyncio
import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from devstack import die_with_parent
from devstack.errors import ExitedEarlyError, StackError

LOOPBACK = "127.0.0.1"
LOG_TAIL_LINES = 40
POLL_SECONDS = 0.05
# Below the ephemeral ports of Linux and macOS: an outgoing connection could take a server's port
# while the server restarts, or connect to itself while the server is down.
SERVER_PORTS = range(15_000, 32_000)
# The number of the port given last, for all processes of this user: the servers of those given
# before may not have bound them yet.
_LAST_PORT = Path(tempfile.gettempdir()) / f"upstairs-devstack-{os.getuid()}.port"


def free_port() -> int:
    for _ in SERVER_PORTS:
        port = _next_port()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return port
    msg = f"no free port on {LOOPBACK} in {SERVER_PORTS.start}-{SERVER_PORTS.stop}"
    raise StackError(msg)


def _next_port() -> int:
    with _LAST_PORT.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read(8)
        # Users of one machine do not start at the same port.
        last = int(text) if text.isdigit() else random.SystemRandom().choice(SERVER_PORTS)
        port = last + 1 if last + 1 in SERVER_PORTS else SERVER_PORTS.start
        file.truncate(0)
        file.write(str(port))
    return port


@dataclass
class Process:
    """One of our services, or a server of the stack, as an OS process.

    It has its own session: Ctrl-C reaches only the parent, which stops everything in order.
    On Linux it dies with the thread that called `start`, so that thread must keep running.
    """

    name: str
    argv: Sequence[str | Path]
    # The whole environment; nothing is inherited. It has secrets, so it is not in the repr.
    env: Mapping[str, str] = field(repr=False)
    log_path: Path
    ready_url: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    # User and group to run as, instead of root.
    owner: tuple[int, int] | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        if self._child is None:
            msg = f"{self.name} was never started"
            raise StackError(msg)
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._child.poll() if self._child is not None else None

    def start(self) -> None:
        if self.running:
            return
        owner = "{}:{}".format(*self.owner) if self.owner else ""
        command = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()), owner]
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._child = subprocess.Popen(
                [*command, *self.argv],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def wait_ready(self, timeout_s: float = 300) -> None:
        """Return at the first 200 from `ready_url`."""
        deadline = time.monotonic() + timeout_s
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(self.ready_url)).status_code == httpx.codes.OK:
                        return
                self.check_waiting(deadline)
                await asyncio.sleep(POLL_SECONDS)

    def wait_until(self, ready: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            self.check_waiting(deadline)
            time.sleep(POLL_SECONDS)

    def check_waiting(self, deadline: float) -> None:
        """Raise if the process has ended or `deadline` (in `time.monotonic` seconds) has passed."""
        if not self.running:
            event = f"{self.name} exited with {self.exit_code} before it was ready"
            msg = f"{event}\n{self.log_tail()}"
            raise ExitedEarlyError(msg)
        if time.monotonic() > deadline:
            msg = f"{self.name} is not ready in time\n{self.log_tail()}"
            raise StackError(msg)

    def log_tail(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join([f"last lines of {self.log_path}:", *lines])

    def kill(self) -> None:
        """Kill it and its children with SIGKILL, as a power cut would, and wait for the end."""
        if self._child is not None:
            self._signal_all(signal.SIGKILL)
            self._child.wait()

    def pause(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def stop(self, timeout: float = 10) -> None:
        """Ask it to end; kill it after `timeout` seconds."""
        if self._child is None or not self.running:
            return
        # A paused process would not receive the signal.
        self.resume()
        self._child.send_signal(self.stop_signal)
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def rss_mb(self) -> float:
        """Resident memory with its children; shared pages count once per process."""
        return sum(process.memory_info().rss for process in self._process_tree()) / 2**20

    def cpu_seconds(self) -> float:
        """User and system time, including children, also those that have ended."""
        seconds = 0.0
        # The parent last: a child that ends meanwhile counts among those that have ended.
        for process in reversed(self._process_tree()):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system + times.children_user + times.children_system
        return seconds

    def _process_tree(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal_all(self, number: signal.Signals) -> None:
        if not self.running:
            return
        for process in self._process_tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
