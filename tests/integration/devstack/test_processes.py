"""A service as an OS process can be awaited, measured, paused and killed."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from devstack import ExitedEarlyError, Process, StackError, free_port


def python(tmp_path: Path, *arguments: str, ready_url: str = "") -> Process:
    return Process(
        name="service",
        argv=[sys.executable, *arguments],
        env=dict(os.environ),
        log_path=tmp_path / "service.log",
        ready_url=ready_url,
    )


def web_server(tmp_path: Path) -> Process:
    port = free_port()
    arguments = ["-m", "http.server", str(port), "--bind", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}/"
    return python(tmp_path, *arguments, ready_url=url)


async def test_process_is_ready_when_its_url_answers(tmp_path: Path) -> None:
    service = web_server(tmp_path)
    service.start()
    try:
        await service.wait_ready()

        assert service.rss_mb() > 1
        assert service.cpu_seconds() > 0
        assert os.getsid(service.pid) == service.pid
    finally:
        service.stop()
    assert not service.running


async def test_cpu_time_includes_children_that_have_ended(tmp_path: Path) -> None:
    """PostgreSQL's autovacuum workers are such children."""
    child = "import time\nwhile time.process_time() < 1: pass"
    code = f"""
import pathlib, subprocess, sys, time
subprocess.run([sys.executable, "-c", {child!r}])
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""
    parent, ended = python(tmp_path, "-c", code, str(tmp_path / "ended")), tmp_path / "ended"
    parent.start()
    try:
        parent.wait_until(ended.exists, timeout=60)
        assert parent.cpu_seconds() >= 1
    finally:
        parent.kill()


async def test_early_exit_shows_the_end_of_the_log(tmp_path: Path) -> None:
    code = "for n in range(100): print('line', n)\nraise SystemExit(3)"
    service = python(tmp_path, "-c", code, ready_url="http://127.0.0.1:1/")
    service.start()

    with pytest.raises(ExitedEarlyError, match="service exited with 3") as raised:
        await service.wait_ready()

    assert "line 60\n" in str(raised.value)
    assert "line 59\n" not in str(raised.value)


async def test_wait_ends_with_an_error_without_an_answer(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    service = python(tmp_path, "-c", "import time; time.sleep(60)", ready_url=url)
    service.start()
    try:
        with pytest.raises(StackError, match="not ready in time"):
            await service.wait_ready(timeout_s=0.3)
    finally:
        service.kill()


async def test_paused_process_answers_again_after_resume(tmp_path: Path) -> None:
    service = web_server(tmp_path)
    service.start()
    try:
        await service.wait_ready()
        service.pause()
        with pytest.raises(StackError, match="not ready in time"):
            await service.wait_ready(timeout_s=0.1)
        service.resume()
        await service.wait_ready()
    finally:
        service.stop()


async def test_killed_process_starts_again_and_appends_to_its_log(tmp_path: Path) -> None:
    service = web_server(tmp_path)
    service.start()
    await service.wait_ready()
    before, first = service.log_path.read_text(), service.pid

    service.kill()
    assert not psutil.pid_exists(first)
    service.start()
    try:
        await service.wait_ready()
        assert service.log_path.read_text().startswith(before)
    finally:
        service.stop()


async def test_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    server = web_server(tmp_path)
    ignoring_sigterm = (
        "import runpy, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "runpy.run_module('http.server', run_name='__main__')"
    )
    service = python(
        tmp_path, "-c", ignoring_sigterm, *map(str, server.argv[3:]), ready_url=server.ready_url
    )
    service.start()
    await service.wait_ready()

    service.stop(timeout=0.2)

    assert not service.running


def test_ports_that_no_server_has_bound_yet_are_not_given_twice() -> None:
    """Test workers start many systems at once."""
    command = "from devstack import free_port\nprint(*(free_port() for _ in range(800)))"
    workers = [
        subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ports = [int(port) for worker in workers for port in worker.communicate()[0].split()]
    assert len(set(ports)) == 4 * 800
