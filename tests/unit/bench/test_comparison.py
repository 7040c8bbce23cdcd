from dataclasses import replace

import pytest

from bench.against.comparison import (
    Pair,
    Window,
    calibrator_figures,
    journey_figures,
    storm_figures,
    table,
)

SLOW = Window(
    count=1000,
    cpu_seconds={"intake": 2.0, "postgres": 1.0, "kafka": 1.0},
    wal_bytes=10_000_000,
    unit_seconds=0.010,
    seconds=2.0,
)
HALF_AS_DEAR = replace(SLOW, cpu_seconds={"intake": 0.5, "postgres": 1.0, "kafka": 0.5})


def test_total_is_the_sum_of_services_postgres_and_kafka() -> None:
    assert SLOW.cpu_seconds_each("total") == pytest.approx(0.004)


def test_ratio_compares_units_of_the_calibrator() -> None:
    """The same work on a machine that was half as fast in the other window."""
    other = replace(
        SLOW,
        cpu_seconds={part: 2 * seconds for part, seconds in SLOW.cpu_seconds.items()},
        unit_seconds=0.020,
    )
    assert Pair(SLOW, other).ratio("total") == pytest.approx(1)


def test_figures_are_medians_of_pairs_with_their_range() -> None:
    pairs = [Pair(HALF_AS_DEAR, SLOW), Pair(SLOW, SLOW), Pair(HALF_AS_DEAR, SLOW)]
    figures = journey_figures(pairs, "abc1234")
    assert figures["journey_cpu_over_abc1234"] == pytest.approx(0.5)
    assert figures["journey_cpu_over_abc1234_highest"] == pytest.approx(1)
    assert figures["journey_cpu_intake_over_abc1234"] == pytest.approx(0.25)
    assert figures["journey_cpu_s_per_1000"] == pytest.approx(2)
    assert figures["journey_cpu_s_per_1000_abc1234"] == pytest.approx(4)
    assert figures["journey_units_per_contact"] == pytest.approx(0.2)
    assert figures["journey_wal_bytes_per_contact"] == pytest.approx(10_000)


def test_storm_compares_pages_per_second() -> None:
    figures = storm_figures([Pair(replace(SLOW, seconds=0.5), SLOW)], "abc1234")
    assert figures["pages_per_s"] == pytest.approx(2000)
    assert figures["pages_per_s_over_abc1234"] == pytest.approx(4)


def test_part_that_took_no_measurable_time_on_the_other_side_has_no_ratio() -> None:
    nothing = replace(SLOW, cpu_seconds={**SLOW.cpu_seconds, "kafka": 0.0})
    assert Pair(SLOW, nothing).ratio("kafka") == float("inf")
    assert Pair(nothing, nothing).ratio("kafka") == 1


def test_table_has_a_line_for_each_part_and_the_total() -> None:
    lines = table([Pair(HALF_AS_DEAR, SLOW)], "abc1234")
    assert [line.split()[0] for line in lines[1:]] == ["intake", "postgres", "kafka", "total"]
    assert lines[-1].split()[1:4] == ["2.000", "4.000", "0.50"]


def test_calibrator_figures_span_all_windows() -> None:
    figures = calibrator_figures([Pair(SLOW, replace(SLOW, unit_seconds=0.012))])
    assert figures["calibrator_unit_lowest_ms"] == pytest.approx(10)
    assert figures["calibrator_unit_highest_ms"] == pytest.approx(12)
