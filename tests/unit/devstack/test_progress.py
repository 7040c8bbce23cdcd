"""Progress says when a step starts and ends, and reports while it is slow."""

import subprocess
import sys
import threading

import pytest

from devstack import Progress, progress


def texts(lines: list[str]) -> list[str]:
    """Cut off the elapsed times."""
    return [line.partition(" s  ")[2].rpartition(" in ")[0] or line for line in lines]


def test_step_says_its_start_and_its_end() -> None:
    lines: list[str] = []
    with Progress(lines.append).step("Starting Kafka"):
        assert len(lines) == 1
        assert lines[0].endswith("s  Starting Kafka …")
    assert texts(lines)[1:] == ["Starting Kafka: done"]


def test_failed_step_says_that_it_failed() -> None:
    lines: list[str] = []
    with pytest.raises(ZeroDivisionError), Progress(lines.append).step("Starting Kafka"):
        raise ZeroDivisionError
    assert texts(lines)[-1] == "Starting Kafka: failed"


def test_slow_step_is_reported_while_it_runs() -> None:
    lines: list[str] = []
    reported_twice = threading.Event()

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) == 3:
            reported_twice.set()

    with Progress(write, report_every_s=0.01).step("Starting Kafka"):
        assert reported_twice.wait(timeout=10)
    assert all("Starting Kafka: still running after" in line for line in lines[1:3])


def test_progress_without_a_writer_starts_no_thread() -> None:
    before = threading.active_count()
    with Progress().step("Starting Kafka"):
        assert threading.active_count() == before


@pytest.mark.parametrize(("code", "outcome"), [("pass", "done"), ("raise SystemExit(3)", "failed")])
def test_script_runs_a_command_as_a_step_without_installed_packages(
    code: str, outcome: str
) -> None:
    script = str(progress.__file__)
    command = [sys.executable, "-I", "-S", script, "Installing", sys.executable, "-c", code]
    completed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert completed.returncode == (0 if outcome == "done" else 3)
    assert texts(completed.stdout.splitlines())[-1] == f"Installing: {outcome}"
