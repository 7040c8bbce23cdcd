"""What `auto` takes, for each kind of machine."""

from typing import NoReturn

import pytest

from devstack import Backend, StackError
from devstack.backend import Probes, choose, parse
from devstack.java import Java


def machine(*, java: int | None = None, jars: bool = False, docker: bool = False) -> Probes:
    found = Java("java", java, "of this machine") if java else None
    return Probes(java=lambda: found, has_kafka_jars=lambda: jars, has_docker=lambda: docker)


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
def test_auto_takes_the_first_that_works(probes: Probes, expected: Backend) -> None:
    choice, why = choose(Backend.AUTO, probes)

    assert choice is expected
    assert why.startswith(f"{expected}: ")
    assert "\n" not in why


@pytest.mark.parametrize("probes", [machine(jars=True), machine()])
def test_auto_fails_with_advice_where_nothing_works(probes: Probes) -> None:
    with pytest.raises(StackError, match=r"install the extra `devstack\[jvm\]`.* or Docker"):
        choose(Backend.AUTO, probes)


@pytest.mark.parametrize("choice", [c for c in Backend if c is not Backend.AUTO])
def test_what_was_asked_for_is_taken_without_probing(choice: Backend) -> None:
    def probed() -> NoReturn:
        pytest.fail("probed")

    assert choose(choice, Probes(probed, probed, probed))[0] is choice


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(StackError, match=r"STACK=dokcer .*auto, embedded, containers"):
        parse("dokcer")
