"""python -m chaos.mutants                            lists all mutants and controls
python -m chaos.mutants run [NAME …]                 tries them: caught, or MISSED
python -m chaos.mutants NAME escalation serve        starts a service as NAME has it
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from chaos.mutants.catalogue import groups
from chaos.mutants.registry import MUTANTS


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case []:
            for one in (each for group in groups() for each in group):
                seen = "{} {}".format(*one.seen_as) if one.seen_as else "nothing: a control"
                sys.stdout.write(f"{one.name:<46}{one.service:<12}{seen}\n")
            return 0
        case ["run", *names]:
            # Not for the services, which start here too.
            return import_module("chaos.mutants.report").run(names)  # type: ignore[no-any-return]
        case [name, service, *rest]:
            MUTANTS[name].install()
            sys.argv = [service, *rest]
            import_module(f"{service}.main").cli()
        case _:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
