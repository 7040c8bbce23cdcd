"""The worker finds the bench by names, which no type checker sees."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from bench import testbed
from bench.against.calibrator import open_calibrator
from bench.against.checkouts import ROOT, THIS, UnknownRevisionError, check_out
from bench.against.worker import Names, configure_system
from bench.load import LoadGenerator, Post
from bench.topics import EventReader
from bench.traffic import arrivals, contacts
from devstack import Backend, Stack
from stage.system import Replica, System, open_receivers

NAMES = Names()


def test_worker_names_exist_in_this_checkout() -> None:
    module = import_module(NAMES.testbed)
    open_testbed = getattr(module, NAMES.open_testbed)
    assert NAMES.short_target in inspect.signature(open_testbed).parameters
    assert callable(module.posts)
    assert callable(getattr(import_module("bench.load"), NAMES.open_generator))
    assert hasattr(import_module(NAMES.staff), "REPRESENTATIVES")
    assert hasattr(LoadGenerator, NAMES.closed_loop)
    assert hasattr(LoadGenerator, NAMES.open_loop)
    assert hasattr(testbed.Testbed, NAMES.intake_target)
    assert hasattr(testbed.Testbed, NAMES.wait_until_tracked)
    assert hasattr(testbed.Testbed, "check_clean")
    assert hasattr(EventReader, NAMES.clear_topics)
    assert NAMES.receivers in System.__dataclass_fields__
    assert Post._fields == ("path", "body")
    assert list(inspect.signature(arrivals).parameters) == ["rate", "seconds", "random"]
    assert list(inspect.signature(contacts).parameters)[:2] == ["count", "random"]


async def test_configured_system_has_replicas_and_a_long_kafka_session(tmp_path: Path) -> None:
    class Configured(System):
        pass

    configure_system(Configured, NAMES, replicas=2)
    stack = Stack(Backend.EXTERNAL, "", "postgresql://localhost/postgres", "localhost:9092")
    async with open_receivers() as receivers:
        system = Configured(stack, receivers, "", tmp_path)
        system.ports["intake"] = system.operations_ports["intake"] = 1
        environment = system._environment(Replica("intake"))
    assert system.replicas_of("intake") == ["intake", "intake-1"]
    assert environment["UPSTAIRS_KAFKA_SESSION_TIMEOUT_MS"] == "120000"
    assert environment["UPSTAIRS_HTTP_PORT"] == "1"


def test_checkout_runs_its_own_worker() -> None:
    assert THIS.worker == ROOT / "bench" / "against" / "worker.py"


def test_revision_that_git_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownRevisionError):
        check_out("no-such-revision")


def test_calibrator_measures_each_window() -> None:
    with open_calibrator() as calibrator:
        for _ in range(2):
            calibrator.begin()
            assert calibrator.end() > 0
