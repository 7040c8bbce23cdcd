"""`python -m chaos [--seed N] [--minutes N] [--only NAME …]`: faults under load, a verdict."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

import uvloop

from bench.summary import OUTAGE, RECOVERY, Figures, write
from chaos.campaign import Outcome, Plan, ground, run
from chaos.faults import FAULTS
from common.core.clock import monotonic

PER_SECOND = 15


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--per-second", type=float, default=PER_SECOND, help="contacts offered")
    options.add_argument("--only", nargs="*", choices=FAULTS, help="the faults to draw from")
    asked = options.parse_args()
    faults = [FAULTS[name] for name in asked.only or FAULTS]
    plan = Plan(faults, asked.seed, asked.per_second, seconds=60 * asked.minutes)
    # So that an end from outside, too, unmounts the disk.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logs = Path(mkdtemp(prefix="upstairs-chaos-"))
    _tell(f"seed {plan.seed}, {asked.minutes:g} min, {plan.per_second:g} contacts/s; logs: {logs}")
    begun = monotonic()
    with ground() as servers, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(run(servers, plan, logs, _tell))
    _report(outcome, monotonic() - begun)
    return 0 if outcome.is_sound else 1


def _report(outcome: Outcome, seconds: float) -> None:
    figures: Figures = {}
    for name, one in sorted(outcome.worst().items()):
        figures[f"{RECOVERY}{name}"] = one.recovery or 0.0
        figures[f"{OUTAGE}{name}"] = one.outage
        _tell(f"{name:<40} {one}")
    for name, why in outcome.skipped.items():
        _tell(f"{name:<40} skipped: {why}")
    for surprise in outcome.surprises:
        _tell(f"surprise: {surprise}")
    write(figures, complete=False)
    _tell(f"{len(outcome.suffered)} faults, {outcome.contacts} contacts, {seconds:.0f} s")
    verdict = outcome.verdict
    assert verdict is not None
    checked, broken = sum(verdict.checked.values()), len(verdict.violations)
    _tell(f"invariants: {checked} checked, {broken} broken")
    if verdict.violations or verdict.remarks:
        _tell(str(verdict))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
