"""Figures: quantiles, the summary file, and the comparison with the goals."""

from collections.abc import Sequence
from pathlib import Path

import orjson

Figures = dict[str, float | int | str]

PATH = Path(__file__).parent / "out" / "summary.json"
DIGITS = 4
MIN_GOALS = {
    "journey_contacts_per_s": 1500,
    "journey_over_reference": 0.1,
    "timer_drain_per_s": 20_000,
    "timer_drain_over_pgqueuer": 1.5,
    "timer_drain_over_procrastinate": 20,
    "outbox_events_per_s": 20_000,
    "business_time_additions_per_s": 200_000,
    "classifier_texts_per_s": 20_000,
    "intake_over_bare": 0.7,
    "intake_batch_over_single": 4,
    "clock_events_per_s": 3000,
    "escalations_raised_per_s": 1000,
    "pages_per_s_over_ccbae82": 5,
    "webhook_deliveries_per_s": 1000,
}
MAX_GOALS = {
    "notifications_2000_recipients_s": 10,
    "hanging_provider_p99_ratio": 1.2,
    "burst_500_escalations_messages_to_one_person": 5,
    "burst_most_urgent_ms": 1000,
    "simulate_million_clocks_s": 60,
    "journey_cpu_over_ccbae82": 0.38,
    "journey_growth_100k_open": 1.1,
    "journey_second_replica": 1.1,
    "journey_wal_bytes_per_contact": 9000,
    "cpu_ms_per_page_over_ccbae82": 0.3,
    "escalation_to_page_p99_ms": 100,
    "post_to_assigned_p50_ms": 25,
    "post_to_assigned_p99_ms": 60,
    "intake_half_rate_p99_ms": 40,
    "intake_outbound_message_p99_ms": 150,
    "signature_10kb_us": 200,
    "timer_lateness_p99_ms": 50,
    "timer_lateness_p99_over_pgqueuer": 0.3,
    "clock_breach_lateness_p99_ms": 50,
    "clock_due_p99_ms": 50,
    "explain_p99_ms": 50,
    "outbox_lag_behind_transaction_max_ms": 500,
    "relay_takeover_seconds_kill": 2,
    "relay_takeover_seconds_stop": 2,
    "idle_cpu_percent_per_service": 1,
    "rss_mb_intake": 110,
    "rss_mb_router": 110,
    "rss_mb_escalation": 110,
    "rss_mb_escalation_with_holidays": 150,
    "rss_mb_notifier": 110,
    "rss_mb_console": 110,
    "console_event_to_painted_p95_ms": 250,
    "console_long_tasks_over_100_ms": 0,
    "console_heap_growth_mb": 5,
    "console_page_p95_ms": 150,
    "console_followers_cpu_percent": 60,
    "console_followers_p95_ms": 500,
    "console_first_page_kb": 150,
    "idle_cpu_percent_console_one_board": 1,
    "idle_cpu_percent_console_no_board": 1,
}
# `make chaos` writes both figures; recovery may take this much longer than the outage.
RECOVERY, OUTAGE = "recovery_seconds_", "outage_seconds_"
MAX_RECOVERY_AFTER_OUTAGE_S = 5


def quantiles_ms(name: str, seconds: Sequence[float]) -> Figures:
    """Return p50, p99 and max of the sample by the nearest rank."""
    return {
        f"{name}_p50_ms": 1000 * ranked(seconds, 0.5),
        f"{name}_p99_ms": 1000 * ranked(seconds, 0.99),
        f"{name}_max_ms": 1000 * max(seconds),
    }


def ranked(sample: Sequence[float], share: float) -> float:
    """Return the quantile by the nearest rank."""
    return sorted(sample)[int(len(sample) * share)]


def write(figures: Figures, *, complete: bool) -> None:
    """Merge `figures` into the summary file.

    `sample` stays `quick` while any figure may come from a small sample.
    """
    before: Figures = orjson.loads(PATH.read_bytes()) if PATH.exists() else {}
    merged = before | {name: _rounded(value) for name, value in figures.items()}
    if not complete and "quick" in {before.get("sample"), figures.get("sample")}:
        merged["sample"] = "quick"
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_bytes(orjson.dumps(merged, option=orjson.OPT_INDENT_2) + b"\n")


def print_figures(figures: Figures) -> None:
    for name, value in figures.items():
        print(f"{name:<50} {_rounded(value):>14}  {_goal_text(name, value, figures)}".rstrip())


def _rounded(value: float | str) -> float | int | str:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _goal_text(name: str, value: float | str, figures: Figures) -> str:
    if isinstance(value, str):
        return ""
    if name in MIN_GOALS:
        return _goal_result(reached=value >= MIN_GOALS[name], goal=f"at least {MIN_GOALS[name]}")
    # A goal may be 0.
    ceiling = MAX_GOALS[name] if name in MAX_GOALS else _recovery_ceiling(name, figures)
    if ceiling is not None:
        return _goal_result(reached=value <= ceiling, goal=f"at most {ceiling}")
    return ""


def _recovery_ceiling(name: str, figures: Figures) -> float | None:
    outage = figures.get(name.replace(RECOVERY, OUTAGE))
    if not name.startswith(RECOVERY) or outage is None:
        return None
    return float(outage) + MAX_RECOVERY_AFTER_OUTAGE_S


def _goal_result(*, reached: bool, goal: str) -> str:
    return f"goal {goal}: {'reached' if reached else 'MISSED'}"
