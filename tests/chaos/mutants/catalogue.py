"""All mutants by file; the mutants of one file share a system."""

from chaos.mutants import assigning, consuming, publishing, timing
from chaos.mutants.registry import MUTANTS, Mutant

FILES = (consuming, timing, publishing, assigning)


def groups(*, brief: bool = False) -> list[list[Mutant]]:
    """Return the mutants of each file in the order in which they run.

    Each control runs after its mutants. So it also shows that what they left behind is not reported
    again.
    """
    return [
        [mutant for mutant in _in_order(file.__name__) if mutant.brief or not brief]
        for file in FILES
    ]


def _in_order(group: str) -> list[Mutant]:
    members = [mutant for mutant in MUTANTS.values() if mutant.group == group]
    ordered: list[Mutant] = []
    for control in (mutant for mutant in members if mutant.is_control):
        ordered += [mutant for mutant in members if mutant.control == control.name != mutant.name]
        ordered.append(control)
    return ordered
