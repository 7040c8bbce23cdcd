"""python -m chaos.mutants                            lists all mutants and controls
python -m chaos.mutants run [NAME …]                 runs them: caught, or MISSED
python -m chaos.mutants NAME escalation serve        starts a service with this mutant
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from chaos.mutants.catalogue import groups
from chaos.mutants.registry import MUTANTS, Mutant


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case []:
            for group in groups():
                sys.stdout.writelines(map(_line, group))
            return 0
        case ["run", *names]:
            # Imported here: the services start in this module too and do not need it.
            return import_module("chaos.mutants.report").run(names)  # type: ignore[no-any-return]
        case [name, service, *rest]:
            MUTANTS[name].install()
            sys.argv = [service, *rest]
            import_module(f"{service}.main").cli()
        case _:
            pass
    return 0


def _line(mutant: Mutant) -> str:
    expected = mutant.expected_violation
    violation = "{} {}".format(*expected) if expected else "control: no violation"
    return f"{mutant.name:<46}{mutant.service:<12}{violation}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
