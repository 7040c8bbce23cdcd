"""`auto` selects the first backend that works on a machine."""

from typing import NoReturn

import pytest

from devstack import Backend, StackError
from devstack.backend import Probes, choose, parse
from devstack.java import Java


def machine(*, java: int | None = None, jars: bool = False, docker: bool = False) -> Probes:
    installed = Java("java", java, "of this machine") if java else None
    return Probes(java=lambda: installed, has_kafka_jars=lambda: jars, has_docker=lambda: docker)


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        (machine(java=17, jars=True), Backend.EMBEDDED),
        (machine(java=25, jars=True, docker=True), Backend.EMBEDDED),
        (machine(jars=True, docker=True), Backend.CONTAINERS),
        (machine(java=17, jars=False, docker=True), Backend.CONTAINERS),
        (machine(docker=True), Backend.CONTAINERS),
    ],
)
def test_auto_selects_the_first_backend_that_works(probes: Probes, expected: Backend) -> None:
    choice, why = choose(Backend.AUTO, probes)

    assert choice is expected
    assert why.startswith(f"{expected}: ")
    assert "\n" not in why


@pytest.mark.parametrize("probes", [machine(jars=True), machine()])
def test_auto_fails_with_advice_if_no_backend_works(probes: Probes) -> None:
    with pytest.raises(StackError, match=r"install the extra `devstack\[jvm\]`.* or Docker"):
        choose(Backend.AUTO, probes)


@pytest.mark.parametrize("choice", [c for c in Backend if c is not Backend.AUTO])
def test_requested_backend_is_used_without_probing(choice: Backend) -> None:
    def probe() -> NoReturn:
        pytest.fail("probed")

    assert choose(choice, Probes(probe, probe, probe))[0] is choice


def test_unknown_backend_is_refused_with_the_valid_names() -> None:
    with pytest.raises(StackError, match=r"STACK=dokcer .*auto, embedded, containers"):
        parse("dokcer")
