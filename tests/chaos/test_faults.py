"""Two minutes of faults, at least one of each family: afterwards every invariant holds."""

import logging
from pathlib import Path

import pytest

from chaos.campaign import Plan, ground, run
from chaos.faults import FAULTS

CHOSEN = (
    "acknowledgements_are_lost",
    "all_is_read_again_from_the_start",
    "broker_crashes",
    "clock_jumps_an_hour",
    "disk_is_full",
    "frozen_before_the_offset_commit",
    "killed_after_kafka_has_acknowledged",
    "killed_after_the_call_is_made",
    "killed_before_the_commit",
    "member_joins_and_leaves",
    "network_is_slow",
    "poison_comes",
    "postgres_stops_at_once",
    "records_come_twice",
    "rival_locks_in_the_opposite_order",
    "sessions_are_terminated",
    "slack_takes_it_and_does_not_say_so",
)
PER_SECOND = 10


def test_each_family_is_tried() -> None:
    families = {one.family for one in FAULTS.values()}
    assert {FAULTS[name].family for name in CHOSEN} == families


# How long it takes to recover is for `make chaos` to judge: here others may be at work as well.
@pytest.mark.timeout(900)
async def test_no_invariant_breaks_under_faults(tmp_path: Path) -> None:
    plan = Plan(
        [FAULTS[name] for name in CHOSEN], 2026, PER_SECOND, rounds=1, steady_s=1, patience_s=10
    )
    with ground() as servers:
        outcome = await run(servers, plan, tmp_path, logging.getLogger(__name__).warning)
    assert outcome.verdict is not None
    assert not outcome.verdict.violations, str(outcome.verdict)
    assert not outcome.surprises, outcome.surprises
    assert {one.fault for one in outcome.suffered} | outcome.skipped.keys() == set(CHOSEN)
    checked = outcome.verdict.checked
    assert all(checked[number] >= outcome.contacts for number in range(1, 6)), checked
