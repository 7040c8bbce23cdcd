"""Memory under a steady load for a long time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, linear_regression

from bench import traffic
from bench.load import Post
from bench.summary import Figures
from bench.testbed import CONTACTS, Testbed, posts
from common.core.clock import monotonic

RATE = 40
SLICE_SECONDS = 30


@dataclass
class Readings:
    """Memory of each process over time."""

    hours: list[float] = field(default_factory=list)
    rss_mb: dict[str, list[float]] = field(default_factory=dict)

    def add(self, hours: float, rss_mb: dict[str, float]) -> None:
        self.hours.append(hours)
        for name, value in rss_mb.items():
            self.rss_mb.setdefault(name, []).append(value)

    def summarize(self) -> Figures:
        """Return the means of the first and last third, and the slope after the first third."""
        third = max(1, len(self.hours) // 3)
        figures: Figures = {}
        for name, values in self.rss_mb.items():
            figures[f"rss_mb_{name}_first_third"] = fmean(values[:third])
            figures[f"rss_mb_{name}_last_third"] = fmean(values[-third:])
            figures[f"rss_growth_mb_per_hour_{name}"] = _slope(self.hours[third:], values[third:])
        return figures


def _slope(hours: Sequence[float], values: Sequence[float]) -> float:
    return linear_regression(hours, values).slope if len(hours) > 1 else 0.0


async def soak(testbed: Testbed, minutes: float) -> Figures:
    """Create contacts at a steady rate and resolve each about half a minute later."""
    readings, begun = Readings(), monotonic()
    open_contacts: list[str] = []
    contacts = 0
    while monotonic() - begun < 60 * minutes:
        open_contacts = await _slice(testbed, open_contacts)
        contacts += len(open_contacts)
        readings.add((monotonic() - begun) / 3600, testbed.rss_mb())
        _print_readings(readings)
    await testbed.check_clean()
    return {
        "soak_minutes": (monotonic() - begun) / 60,
        "soak_contacts": contacts,
        "soak_contacts_per_s": RATE,
        **readings.summarize(),
    }


async def _slice(testbed: Testbed, resolved: Sequence[str]) -> list[str]:
    """Create the contacts of half a minute; resolve those of the half minute before."""
    times = traffic.arrivals(RATE, SLICE_SECONDS, testbed.random)
    begin = posts(traffic.contacts(len(times), testbed.random))
    end = [Post(f"{CONTACTS}/{contact_id}/resolve", b"{}") for contact_id in resolved]
    spread = [SLICE_SECONDS * n / max(1, len(end)) for n in range(len(end))]
    due = sorted([*zip(times, begin, strict=True), *zip(spread, end, strict=True)])
    load = await testbed.generator.open_loop(
        testbed.intake_target, [post for _, post in due], [at for at, _ in due]
    )
    ended = set(resolved)
    created = [post.contact_id for post in load.sent if post.contact_id not in ended]
    await testbed.wait_until_tracked(created)
    testbed.topics.clear()
    return created


def _print_readings(readings: Readings) -> None:
    shown = "  ".join(f"{name} {values[-1]:6.1f}" for name, values in readings.rss_mb.items())
    print(f"{readings.hours[-1] * 60:5.1f} min  MB: {shown}", flush=True)
