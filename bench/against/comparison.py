"""Windows of two systems in turn, and the ratios of what they cost."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.against.calibrator import Calibrator
from bench.against.servers import Servers
from bench.against.systems import MeasuredSystem
from bench.summary import Figures

POSTGRES, KAFKA, TOTAL = "postgres", "kafka", "total"


@dataclass(frozen=True)
class Amounts:
    warm_up: int = 5000
    rounds: int = 6
    contacts: int = 2000
    concurrency: int = 192
    # Before each window, for a system that was paused.
    lead_in: int = 200
    pages: int = 120
    page_rate: int = 20


QUICK = Amounts(warm_up=500, rounds=2, contacts=500, pages=40)
BRIEF = Amounts(
    warm_up=50, rounds=1, contacts=100, concurrency=16, lead_in=10, pages=10, page_rate=2
)


@dataclass(frozen=True)
class Window:
    """One load on one system; `count` contacts or pages."""

    count: int
    # By service, and of PostgreSQL and Kafka.
    cpu_seconds: Mapping[str, float]
    wal_bytes: int
    # CPU seconds of a unit of the calibrator in this window.
    unit_seconds: float

    @property
    def parts(self) -> tuple[str, ...]:
        return (*self.cpu_seconds, TOTAL)

    def cpu_seconds_each(self, part: str) -> float:
        """Return the CPU seconds for a contact or page."""
        seconds = sum(self.cpu_seconds.values()) if part == TOTAL else self.cpu_seconds[part]
        return seconds / self.count

    def units_each(self, part: str) -> float:
        return self.cpu_seconds_each(part) / self.unit_seconds


@dataclass(frozen=True)
class Pair:
    """The same load on both systems, one directly after the other."""

    this: Window
    other: Window

    def ratio(self, part: str) -> float:
        this, other = self.this.units_each(part), self.other.units_each(part)
        if other == 0:
            # The kernel counts CPU time in ticks of 10 ms.
            return 1.0 if this == 0 else float("inf")
        return this / other


@dataclass
class Comparison:
    this: MeasuredSystem
    other: MeasuredSystem
    servers: Servers
    calibrator: Calibrator
    amounts: Amounts

    async def prepare(self, open_contacts: Mapping[MeasuredSystem, int]) -> None:
        """Warm up both systems; leave them paused, with so many contacts open more."""
        for system in (self.this, self.other):
            count = self.amounts.warm_up + open_contacts[system]
            print(f"{system.label}: {count} contacts to warm up …", flush=True)
            await system.resume()
            await system.create_contacts(count, self.amounts.concurrency)
            await system.pause()
        await self.servers.wait_for_autovacuum()

    async def journeys(self) -> list[Pair]:
        return await self._alternate(self.journey)

    async def pages(self) -> list[Pair]:
        return await self._alternate(self.page)

    async def _alternate(
        self, measure: Callable[[MeasuredSystem], Awaitable[Window]]
    ) -> list[Pair]:
        """Return a pair for each round; the order is this, other, other, this, …"""
        pairs = []
        for number in range(self.amounts.rounds):
            if number % 2 == 0:
                this = await measure(self.this)
                other = await measure(self.other)
            else:
                other = await measure(self.other)
                this = await measure(self.this)
            pairs.append(Pair(this, other))
            print(_round_line(number, pairs[-1]), flush=True)
        return pairs

    async def journey(self, system: MeasuredSystem) -> Window:
        await system.resume()
        await system.create_contacts(self.amounts.lead_in, self.amounts.concurrency)
        count = self.amounts.contacts
        load = system.create_contacts(count, self.amounts.concurrency)
        return await self._window(system, count, load)

    async def page(self, system: MeasuredSystem) -> Window:
        await system.resume()
        count = self.amounts.pages
        await system.create_contacts(count, self.amounts.concurrency)
        return await self._window(system, count, system.send_pages(self.amounts.page_rate))

    async def _window(
        self, system: MeasuredSystem, count: int, load: Awaitable[Mapping[str, float]]
    ) -> Window:
        """Measure the load, pause the system, and add what autovacuum takes afterwards."""
        before = await self.servers.read()
        self.calibrator.begin()
        services = await load
        unit_seconds = self.calibrator.end()
        kafka = self.servers.kafka.cpu_seconds() - before.kafka_cpu_seconds
        await system.pause()
        await self.servers.wait_for_autovacuum()
        after = await self.servers.read()
        postgres = after.postgres_cpu_seconds - before.postgres_cpu_seconds
        return Window(
            count=count,
            cpu_seconds={**services, POSTGRES: postgres, KAFKA: kafka},
            wal_bytes=after.wal_bytes - before.wal_bytes,
            unit_seconds=unit_seconds,
        )


def _round_line(number: int, pair: Pair) -> str:
    units = f"{1000 * pair.this.unit_seconds:.1f} and {1000 * pair.other.unit_seconds:.1f} ms"
    return f"round {number + 1}: total ratio {pair.ratio(TOTAL):.2f}; calibrator {units}"


def journey_figures(pairs: Sequence[Pair], label: str) -> Figures:
    this, other = [pair.this for pair in pairs], [pair.other for pair in pairs]
    return {
        "journey_cpu_s_per_1000": _median_cpu(this, 1000),
        f"journey_cpu_s_per_1000_{label}": _median_cpu(other, 1000),
        "journey_units_per_contact": median(window.units_each(TOTAL) for window in this),
        f"journey_units_per_contact_{label}": median(window.units_each(TOTAL) for window in other),
        "journey_wal_bytes_per_contact": _median_wal(this),
        f"journey_wal_bytes_per_contact_{label}": _median_wal(other),
        **_ratios(pairs, "journey_cpu", label),
    }


def page_figures(pairs: Sequence[Pair], label: str) -> Figures:
    return {
        "cpu_ms_per_page": _median_cpu([pair.this for pair in pairs], 1000),
        f"cpu_ms_per_page_{label}": _median_cpu([pair.other for pair in pairs], 1000),
        **_ratios(pairs, "cpu_ms_per_page", label),
    }


def calibrator_figures(pairs: Sequence[Pair]) -> Figures:
    units = [window.unit_seconds for pair in pairs for window in (pair.this, pair.other)]
    return {
        "calibrator_unit_ms": 1000 * median(units),
        "calibrator_unit_lowest_ms": 1000 * min(units),
        "calibrator_unit_highest_ms": 1000 * max(units),
    }


def _median_cpu(windows: Sequence[Window], factor: float) -> float:
    return factor * median(window.cpu_seconds_each(TOTAL) for window in windows)


def _median_wal(windows: Sequence[Window]) -> float:
    return median(window.wal_bytes / window.count for window in windows)


def _ratios(pairs: Sequence[Pair], name: str, label: str) -> Figures:
    """Return the median of the pairs for each part, and the range for the total."""
    totals = [pair.ratio(TOTAL) for pair in pairs]
    parts = [part for part in pairs[0].this.parts if part != TOTAL]
    return {
        f"{name}_over_{label}": median(totals),
        f"{name}_over_{label}_lowest": min(totals),
        f"{name}_over_{label}_highest": max(totals),
        **{
            f"{name}_{part}_over_{label}": median(pair.ratio(part) for pair in pairs)
            for part in parts
        },
    }


def table(pairs: Sequence[Pair], label: str) -> list[str]:
    """Show the medians of each part in CPU seconds for 1,000, at one speed of the machine."""
    unit = median(window.unit_seconds for pair in pairs for window in (pair.this, pair.other))
    lines = [f"{'CPU s for 1000':<16}{'this':>8}{label:>10}{'ratio':>8}  (lowest to highest)"]
    for part in pairs[0].this.parts:
        this = 1000 * unit * median(pair.this.units_each(part) for pair in pairs)
        other = 1000 * unit * median(pair.other.units_each(part) for pair in pairs)
        ratios = [pair.ratio(part) for pair in pairs]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"{part:<16}{this:>8.3f}{other:>10.3f}{median(ratios):>8.2f}  {spread}")
    return lines
