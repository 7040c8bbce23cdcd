"""Tries mutants on a stack of their own, and prints what the checker makes of each."""

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
    if unknown := set(names) - MUTANTS.keys():
        sys.stderr.write(f"no such mutant: {', '.join(sorted(unknown))}\n")
        return 2
    chosen = [[one for one in group if not names or one.name in names] for group in groups()]
    with devstack.start(durable=False) as stack, tempfile.TemporaryDirectory() as logs:
        outcomes = asyncio.run(_print_all(stack, Path(logs), [one for one in chosen if one]))
    wrong = [one for one in outcomes if not one.is_right]
    for one in wrong:
        sys.stdout.write(f"\n{one}\n")
    sys.stdout.write(f"{len(outcomes)} tried, {len(wrong)} wrong\n")
    return 1 if wrong else 0


async def _print_all(
    stack: devstack.Stack, logs: Path, chosen: Sequence[Sequence[Mutant]]
) -> list[Outcome]:
    outcomes = []
    async for one in run_all(stack, logs, chosen):
        outcomes.append(one)
        sys.stdout.write(f"{one.summary}\n")
        sys.stdout.flush()
    return outcomes
