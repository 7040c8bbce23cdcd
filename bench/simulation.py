"""Duration of the `simulate` command: one draft policy on months of events."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

import devstack
from bench.escalation_testbed import HOUR_S, open_escalation_testbed
from bench.service_testbed import ServiceTestbed
from bench.summary import Figures
from bench.topics import LostEventError
from common.core.clock import TimeSource, monotonic

CLOCKS_EACH = 3
PAST = timedelta(days=90)
DRAFT = {
    "targets": [
        {"clock": "assignment", "target_s": HOUR_S},
        {
            "clock": "first_response",
            "target_s": 2 * HOUR_S,
            "thresholds": [{"action": "warn_representative", "at_percent": 75}],
        },
        {"clock": "resolution", "target_s": 24 * HOUR_S},
    ],
    "match": {"tier": ["standard"]},
    "calendar_id": "berlin",
    "calendar_by_region": {"APAC": "tokyo", "US": "new-york"},
    "ladder_id": "default",
    "severity": "medium",
}
# One contact in twenty is answered too late for the draft, another one is resolved too late.
_FILL = """
    INSERT INTO escalation.consumed_events (contact_id, at, type, event_id, data)
    WITH contacts AS MATERIALIZED (
        SELECT n, uuidv7() AS contact_id,
               clock_timestamp() - n * ($2::interval / $1::integer) AS received
        FROM generate_series(1, $1::integer) AS n
    ), events AS (
        SELECT contact_id, received AS at, 'contact_received' AS type, jsonb_build_object(
            'channel', 'chat', 'priority', 'normal',
            'topic_of_contact', 'billing', 'language', 'en', 'customer', jsonb_build_object(
                'customer_id', 'c-' || n, 'region', (ARRAY[NULL, 'APAC', 'US'])[1 + n % 3])) AS data
        FROM contacts
        UNION ALL
        SELECT contact_id, received + interval '1 min', 'contact_assigned', jsonb_build_object(
            'representative_id', 'rep-' || n % 50, 'team_id', 'team-1')
        FROM contacts
        UNION ALL
        SELECT contact_id, received + CASE n % 20 WHEN 0 THEN interval '3 days' ELSE '10 min' END,
               'representative_replied', jsonb_build_object('message_id', 'm-' || n)
        FROM contacts
        UNION ALL
        SELECT contact_id, received + CASE n % 20 WHEN 10 THEN interval '20 days' ELSE '1 day' END,
               'contact_resolved', jsonb_build_object('by', 'rep-1')
        FROM contacts
    )
    SELECT contact_id, at, 'upstairs.' || type || '.v1', gen_random_uuid(), data
    FROM events
"""


async def seconds(stack: devstack.Stack, clocks: int) -> Figures:
    """Simulate `clocks` clocks on an idle machine; scale the time to a million."""
    async with open_escalation_testbed(stack) as testbed:
        await testbed.fetch(_FILL, clocks // CLOCKS_EACH, PAST)
        await testbed.fetch("VACUUM ANALYZE escalation.consumed_events")
        # No service competes for the CPU.
        testbed.process.stop()
        with TemporaryDirectory() as folder:
            draft = Path(folder) / "standard.json"
            draft.write_bytes(orjson.dumps(DRAFT))
            begun = monotonic()
            report = await _simulate(testbed, draft)
            duration_s = monotonic() - begun
    clock_count = report["with the drafts"]["started"]
    return {
        "simulated_clocks": clock_count,
        "simulated_breached": sum(
            clock["breached"] for clock in report["with the drafts"]["clocks"]
        ),
        "simulate_million_clocks_s": duration_s * 1_000_000 / clock_count,
    }


async def _simulate(testbed: ServiceTestbed, draft: Path) -> dict[str, Any]:
    since = TimeSource().utc_now() - PAST - timedelta(days=1)
    command = ("-m", "escalation", "simulate", "--since", f"{since:%Y-%m-%d}", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        *("--draft", f"sla-policies/standard={draft}", "--only-drafts"),
        env=dict(testbed.process.env),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode:
        message = f"simulate ended with {process.returncode}"
        raise LostEventError(message)
    return dict(orjson.loads(out))
