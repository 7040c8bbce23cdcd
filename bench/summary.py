"""Figures: how they are summed up, written and shown against the goals."""

from collections.abc import Sequence
from pathlib import Path

import orjson

Figures = dict[str, float | int | str]

PATH = Path(__file__).parent / "out" / "summary.json"
# At least, then at most.
FLOORS = {"journey_contacts_per_s": 300}
CEILINGS = {
    "post_to_assigned_p99_ms": 250,
    "timer_lateness_p99_ms": 50,
    "rss_mb_intake": 150,
    "rss_mb_router": 150,
    "rss_mb_escalation": 150,
    "rss_mb_notifier": 150,
}


def quantiles_ms(name: str, seconds: Sequence[float]) -> Figures:
    """Return p50, p99 and max of the sample by the nearest rank."""
    ranked = sorted(seconds)
    return {
        f"{name}_p50_ms": 1000 * ranked[len(ranked) // 2],
        f"{name}_p99_ms": 1000 * ranked[len(ranked) * 99 // 100],
        f"{name}_max_ms": 1000 * ranked[-1],
    }


def write(figures: Figures) -> None:
    rounded = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in figures.items()
    }
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_bytes(orjson.dumps(rounded, option=orjson.OPT_INDENT_2) + b"\n")


def show(figures: Figures) -> None:
    for name, value in figures.items():
        shown = f"{value:12.2f}" if isinstance(value, float) else f"{value:>12}"
        print(f"{name:<42} {shown}  {_verdict(name, value)}".rstrip())


def _verdict(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return ""
    if name in FLOORS:
        return _words(reached=value >= FLOORS[name], goal=f"at least {FLOORS[name]}")
    if name in CEILINGS:
        return _words(reached=value <= CEILINGS[name], goal=f"at most {CEILINGS[name]}")
    return ""


def _words(*, reached: bool, goal: str) -> str:
    return f"goal {goal}: {'reached' if reached else 'MISSED'}"
