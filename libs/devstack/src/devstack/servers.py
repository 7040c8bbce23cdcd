"""Operations on a server of the stack, and servers that are local processes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from devstack.processes import Process


class Server(Protocol):
    """For tests that cause faults; the address and the data stay the same."""

    def start(self) -> None:
        """Start it and return when it answers."""

    def stop(self) -> None:
        """Shut it down in order."""

    def restart(self) -> None: ...

    def kill(self) -> None:
        """Kill it as a power cut would."""

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""

    def resume(self) -> None: ...


@dataclass(frozen=True)
class LocalServer:
    process: Process
    answers: Callable[[], bool]
    start_seconds: float

    def launch(self) -> None:
        self.process.start()

    def wait_ready(self) -> None:
        self.process.wait_until(self.answers, self.start_seconds)

    def start(self) -> None:
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        self.process.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        self.process.kill()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()
