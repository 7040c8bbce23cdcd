"""Registers faults by name; the faults themselves are in the modules beside this one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chaos.context import Context

Inflict = Callable[[Context], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`inflict` returns when the fault is over, not when the system has recovered."""

    name: str
    family: str
    inflict: Inflict


FAULTS: dict[str, Fault] = {}


def fault(family: str, name: str = "") -> Callable[[Inflict], Inflict]:
    def register(inflict: Inflict) -> Inflict:
        fault_name = name or inflict.__name__
        FAULTS[fault_name] = Fault(fault_name, family, inflict)
        return inflict

    return register
