"""The servers of `python -m devstack up` end with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

END_SECONDS = 120


@pytest.fixture
def up(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "devstack", "up"]
    env = os.environ | {"STACK": "embedded"}
    with (tmp_path / "err").open("w") as errors:
        running = subprocess.Popen(
            command, env=env, text=True, stdout=subprocess.PIPE, stderr=errors
        )
    with running:
        yield running
        running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_end_with_the_command(up: subprocess.Popen[str], number: signal.Signals) -> None:
    assert up.stdout is not None
    addresses = [up.stdout.readline().partition("=")[0] for _ in range(2)]
    servers = psutil.Process(up.pid).children()

    up.send_signal(number)

    assert addresses == ["STACK_POSTGRES_ADMIN_URL", "STACK_KAFKA_BOOTSTRAP"]
    assert len(servers) == 2
    assert psutil.wait_procs(servers, timeout=END_SECONDS)[1] == []
