"""All mutants there are, by the system that they share."""

from chaos.mutants import consuming, dealing, publishing, timing
from chaos.mutants.registry import MUTANTS, Mutant

FILES = (consuming, timing, publishing, dealing)


def groups(*, brief: bool = False) -> list[list[Mutant]]:
    """Return those of each file in their turns.

    A control comes after its mutants: so it also shows that what they left behind is not found
    again.
    """
    return [[one for one in _in_turn(file.__name__) if one.brief or not brief] for file in FILES]


def _in_turn(group: str) -> list[Mutant]:
    found = [one for one in MUTANTS.values() if one.group == group]
    controls = [one for one in found if one.seen_as is None]
    return [
        one
        for control in controls
        for one in (*(each for each in found if each.control == control.name != each.name), control)
    ]
