"""Steady load for a long time: does memory stay where it is?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, linear_regression

from bench import traffic
from bench.ground import CONTACTS, Ground, posts
from bench.load import Post
from bench.summary import Figures
from common.core.clock import monotonic

RATE = 40
SLICE_SECONDS = 30


@dataclass
class Readings:
    """Memory of each process, in the order in which it was read."""

    hours: list[float] = field(default_factory=list)
    rss_mb: dict[str, list[float]] = field(default_factory=dict)

    def add(self, hours: float, rss_mb: dict[str, float]) -> None:
        self.hours.append(hours)
        for name, value in rss_mb.items():
            self.rss_mb.setdefault(name, []).append(value)

    def figures(self) -> Figures:
        """Sum up: means of the first and the last third, and the slope after the first."""
        third = max(1, len(self.hours) // 3)
        found: Figures = {}
        for name, values in self.rss_mb.items():
            found[f"rss_mb_{name}_first_third"] = fmean(values[:third])
            found[f"rss_mb_{name}_last_third"] = fmean(values[-third:])
            found[f"rss_growth_mb_per_hour_{name}"] = _slope(self.hours[third:], values[third:])
        return found


def _slope(hours: Sequence[float], values: Sequence[float]) -> float:
    return linear_regression(hours, values).slope if len(hours) > 1 else 0.0


async def soak(ground: Ground, minutes: float) -> Figures:
    """Contacts come, and half a minute later those before them are resolved; all are assigned."""
    readings, begun = Readings(), monotonic()
    open_ones: list[str] = []
    contacts = 0
    while monotonic() - begun < 60 * minutes:
        open_ones = await _slice(ground, open_ones)
        contacts += len(open_ones)
        readings.add((monotonic() - begun) / 3600, ground.rss_mb())
        _tell(readings)
    await ground.check_clean()
    return {
        "soak_minutes": (monotonic() - begun) / 60,
        "soak_contacts": contacts,
        "soak_contacts_per_s": RATE,
        **readings.figures(),
    }


async def _slice(ground: Ground, resolved: Sequence[str]) -> list[str]:
    """Send half a minute of contacts, and resolve those of the half minute before."""
    times = traffic.arrivals(RATE, SLICE_SECONDS, ground.random)
    begin = posts(traffic.contacts(len(times), ground.random))
    end = [Post(f"{CONTACTS}/{one}/resolve", b"{}") for one in resolved]
    spread = [SLICE_SECONDS * n / max(1, len(end)) for n in range(len(end))]
    due = sorted([*zip(times, begin, strict=True), *zip(spread, end, strict=True)])
    load = await ground.generator.open(
        ground.intake, [post for _, post in due], [at for at, _ in due]
    )
    known = set(resolved)
    begun = [one.contact_id for one in load.sent if one.contact_id not in known]
    await ground.safe(begun)
    ground.topics.forget()
    return begun


def _tell(readings: Readings) -> None:
    shown = "  ".join(f"{name} {values[-1]:6.1f}" for name, values in readings.rss_mb.items())
    print(f"{readings.hours[-1] * 60:5.1f} min  MB: {shown}", flush=True)
