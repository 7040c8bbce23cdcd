"""`python -m chaos [--seed N] [--minutes N] [--only NAME …]`: runs faults under load."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

import uvloop

from bench.summary import OUTAGE, RECOVERY, Figures, write
from chaos.campaign import Outcome, Plan, run, running_servers
from chaos.faults import FAULTS
from common.core.clock import monotonic

PER_SECOND = 15


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--per-second",
        type=float,
        default=PER_SECOND,
        help="the most contacts that are offered per second",
    )
    parser.add_argument("--only", nargs="*", choices=FAULTS, help="draw only from these faults")
    options = parser.parse_args()
    faults = [FAULTS[name] for name in options.only or FAULTS]
    plan = Plan(faults, options.seed, options.per_second, seconds=60 * options.minutes)
    # SIGTERM too must unmount the disk.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logs = Path(mkdtemp(prefix="upstairs-chaos-"))
    _print(f"seed {plan.seed}, {options.minutes:g} min, at most {plan.per_second:g} contacts/s")
    _print(f"logs: {logs}")
    begun = monotonic()
    with running_servers() as servers, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(run(servers, plan, logs, _print))
    _print_outcome(outcome, monotonic() - begun)
    return 1 if outcome.failures else 0


def _print_outcome(outcome: Outcome, seconds: float) -> None:
    figures: Figures = {}
    for name, result in sorted(outcome.slowest().items()):
        figures[f"{RECOVERY}{name}"] = result.recovery
        figures[f"{OUTAGE}{name}"] = result.outage
        _print(f"{name:<40} {result}")
    for name, reason in outcome.skipped.items():
        _print(f"{name:<40} skipped: {reason}")
    write(figures, complete=False)
    _print(f"{len(outcome.results)} faults, {outcome.contacts} contacts, {seconds:.0f} s")
    verdict = outcome.verdict
    assert verdict is not None
    checked, broken = sum(verdict.checked.values()), len(verdict.violations)
    _print(f"invariants: {checked} checked, {broken} broken")
    if verdict.remarks:
        _print(str(verdict))
    for failure in outcome.failures:
        _print(f"FAILED: {failure}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
