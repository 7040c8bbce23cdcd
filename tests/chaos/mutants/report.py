"""Runs mutants on a stack of their own, and prints what the checker reports of each."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import devstack
from chaos.mutants.catalogue import groups
from chaos.mutants.registry import MUTANTS, Mutant
from chaos.mutants.trial import Outcome, run_all


def run(names: Sequence[str]) -> int:
    """Run the named mutants, or all, and return the exit code."""
    if unknown := set(names) - MUTANTS.keys():
        sys.stderr.write(f"no such mutant: {', '.join(sorted(unknown))}\n")
        return 2
    selected = [
        [mutant for mutant in group if not names or mutant.name in names] for group in groups()
    ]
    with devstack.start(durable=False) as stack, tempfile.TemporaryDirectory() as logs:
        outcomes = asyncio.run(
            _print_all(stack, Path(logs), [group for group in selected if group])
        )
    wrong = [outcome for outcome in outcomes if not outcome.is_right]
    for outcome in wrong:
        sys.stdout.write(f"\n{outcome}\n")
    sys.stdout.write(f"{len(outcomes)} mutants and controls ran, {len(wrong)} wrong\n")
    return 1 if wrong else 0


async def _print_all(
    stack: devstack.Stack, logs: Path, selected: Sequence[Sequence[Mutant]]
) -> list[Outcome]:
    outcomes = []
    async for outcome in run_all(stack, logs, selected):
        outcomes.append(outcome)
        sys.stdout.write(f"{outcome.summary}\n")
        sys.stdout.flush()
    return outcomes
