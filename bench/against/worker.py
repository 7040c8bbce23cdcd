"""The system of one checkout, which obeys the commands of `bench --against`.

`python -P worker.py REPLICAS REPRESENTATIVES`, with the interpreter of the checkout and its root on
PYTHONPATH. A checkout that has this file runs its own. An older one runs this one: therefore it
imports nothing but the standard library and the checkout's own `bench`.

Each line of the input is a command with its arguments, in JSON; each line of the output its result.
At the end of the input the system stops.
"""

import asyncio
import contextlib
import functools
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TextIO

# A paused service keeps its place in its consumer group; its heartbeat is a quarter of this.
ENVIRONMENT = {"UPSTAIRS_KAFKA_SESSION_TIMEOUT_MS": "120000"}
SHORT_TARGET_S = 60
PAGES_TIMEOUT_S = 120
# Within it relays, timers and consumers of a resumed system get their sessions again.
SETTLE_S = 1.0
POLL_S = 0.05

_QUOTE = "Your supervisor, please, about {contact_id}."
_QUOTED = re.compile(r"please, about ([0-9a-f-]{36})\.")


@dataclass(frozen=True)
class Names:
    """How the bench of a revision names what this script needs of it."""

    testbed: str = "bench.testbed"
    staff: str = "bench.staff"
    open_testbed: str = "open_testbed"
    short_target: str = "short_target_s"
    open_generator: str = "open_load_generator"
    closed_loop: str = "closed_loop"
    open_loop: str = "open_loop"
    intake_target: str = "intake_target"
    wait_until_tracked: str = "wait_until_tracked"
    clear_topics: str = "clear"
    receivers: str = "receivers"
    supervisor_path: str = "request-supervisor"
    # Of the system; the same in all revisions.
    environment: str = "_environment"


NAMES_OF_CCBAE82 = Names(
    testbed="bench.ground",
    staff="bench.floor",
    open_testbed="prepared",
    short_target="brisk_s",
    open_generator="generator",
    closed_loop="closed",
    open_loop="open",
    intake_target="intake",
    wait_until_tracked="safe",
    clear_topics="forget",
    receivers="outside",
    supervisor_path="supervisor-requests",
)


@dataclass
class Commands:
    testbed: Any
    names: Names
    # Of the last `contacts`.
    contact_ids: list[str] = field(default_factory=list)

    async def contacts(self, count: int, concurrency: int) -> dict[str, Any]:
        """Create contacts and wait until all are assigned and have clocks."""
        testbed = self.testbed
        bodies = import_module("bench.traffic").contacts(count, testbed.random)
        posts = import_module(self.names.testbed).posts(bodies)
        before = self._cpu_seconds()
        closed_loop = getattr(testbed.generator, self.names.closed_loop)
        load = await closed_loop(self._intake_target, posts, concurrency)
        self.contact_ids = [post.contact_id for post in load.sent]
        await getattr(testbed, self.names.wait_until_tracked)(self.contact_ids)
        return self._cpu_seconds_since(before)

    async def pages(self, rate: int) -> dict[str, Any]:
        """Let the last customers ask for a supervisor; wait until all have a page and a mail."""
        count = len(self.contact_ids)
        times = import_module("bench.traffic").arrivals(
            rate, 2 * count // rate + 2, self.testbed.random
        )
        receivers = self._receivers
        mails, calls = len(receivers.mail.messages), len(receivers.slack.requests)
        before = self._cpu_seconds()
        open_loop = getattr(self.testbed.generator, self.names.open_loop)
        requests = [self._supervisor_request(contact_id) for contact_id in self.contact_ids]
        await open_loop(self._intake_target, requests, times[:count])
        async with asyncio.timeout(PAGES_TIMEOUT_S):
            await self._wait_until_paged(mails + count, calls)
        return self._cpu_seconds_since(before)

    async def _wait_until_paged(self, mails: int, calls_before: int) -> None:
        """Wait for so many mails, and for a call of Slack about each contact."""
        receivers = self._receivers
        while True:
            calls = receivers.slack.requests[calls_before:]
            paged = {contact for call in calls for contact in _QUOTED.findall(str(call.body))}
            if len(receivers.mail.messages) >= mails and paged.issuperset(self.contact_ids):
                return
            await asyncio.sleep(POLL_S)

    async def pause(self) -> dict[str, Any]:
        """Freeze all services, so that they take nothing from the other system's servers."""
        for process in self._processes.values():
            process.pause()
        getattr(self.testbed.topics, self.names.clear_topics)()
        return {}

    async def resume(self) -> dict[str, Any]:
        for process in self._processes.values():
            process.resume()
        await asyncio.sleep(SETTLE_S)
        return {}

    async def check(self) -> dict[str, Any]:
        """Fail if any service has a dead letter."""
        await self.testbed.check_clean()
        return {}

    @property
    def description(self) -> dict[str, Any]:
        return {"pids": {name: process.pid for name, process in self._processes.items()}}

    @property
    def _processes(self) -> dict[str, Any]:
        processes: dict[str, Any] = self.testbed.system.processes
        return processes

    @property
    def _intake_target(self) -> Any:
        return getattr(self.testbed, self.names.intake_target)

    @property
    def _receivers(self) -> Any:
        return getattr(self.testbed.system, self.names.receivers)

    def _supervisor_request(self, contact_id: str) -> Any:
        body = {"quote": _QUOTE.format(contact_id=contact_id)}
        path = f"/v1/contacts/{contact_id}/{self.names.supervisor_path}"
        return import_module("bench.load").Post(path, json.dumps(body).encode())

    def _cpu_seconds(self) -> dict[str, float]:
        """Return the sums over the replicas of each service."""
        sums: dict[str, float] = {}
        for name, process in self._processes.items():
            service = name.partition("-")[0]
            sums[service] = sums.get(service, 0) + process.cpu_seconds()
        return sums

    def _cpu_seconds_since(self, before: dict[str, float]) -> dict[str, Any]:
        after = self._cpu_seconds()
        return {"cpu_seconds": {name: after[name] - before[name] for name in after}}


@contextlib.asynccontextmanager
async def open_commands(replicas: int, representatives: int) -> AsyncIterator[Commands]:
    names = Names() if find_spec(Names().testbed) else NAMES_OF_CCBAE82
    configure_system(import_module("stage.system").System, names, replicas)
    # Those who put the staff read it when they are called.
    vars(import_module(names.staff))["REPRESENTATIVES"] = representatives
    open_generator = getattr(import_module("bench.load"), names.open_generator)
    open_testbed = getattr(import_module(names.testbed), names.open_testbed)
    with import_module("devstack").start() as stack, open_generator() as generator:
        async with open_testbed(
            stack, generator, **{names.short_target: SHORT_TARGET_S}
        ) as testbed:
            yield Commands(testbed, names)


def configure_system(system: Any, names: Names, replicas: int) -> None:
    """Change `System` itself: not every revision has arguments for it."""
    environment = getattr(system, names.environment)

    def changed_environment(self: Any, replica: Any) -> dict[str, str]:
        return {**environment(self, replica), **ENVIRONMENT}

    setattr(system, names.environment, changed_environment)
    system.__init__ = functools.partialmethod(system.__init__, replicas=replicas)


async def obey(answers: TextIO, replicas: int, representatives: int) -> None:
    loop = asyncio.get_running_loop()
    async with open_commands(replicas, representatives) as commands:
        print(json.dumps(commands.description), file=answers, flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            arguments = json.loads(line)
            result = await getattr(commands, arguments.pop("command"))(**arguments)
            print(json.dumps(result), file=answers, flush=True)


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with contextlib.redirect_stdout(sys.stderr):
        import_module("uvloop").run(obey(answers, int(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
