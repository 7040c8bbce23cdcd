"""How much a contact costs on disk, by table: received, answered, resolved."""

from collections.abc import Mapping
from datetime import timedelta

import asyncpg

from bench import traffic
from bench.load import Post
from bench.summary import Figures
from bench.testbed import CONTACTS, Testbed, posts
from common.contracts.services import EVENT_SERVICES
from stage.invariants.reader import Sources
from stage.invariants.settle import wait_until_settled

MESSAGE = b'{"author": "customer", "text": "Where is my parcel? It should have come on Monday."}'
REPLY = b'{"author": "representative", "text": "It left our depot today and arrives tomorrow."}'
RESOLUTION = b'{"note": "Delivered."}'
# Sizes below this are pages that a table has anyway.
SMALLEST_BYTES = 1.0


async def bytes_per_contact(testbed: Testbed, count: int, concurrency: int) -> Figures:
    """Take `count` contacts through their usual life; return the growth of each table.

    A partitioned table counts as one. Tables are vacuumed before both readings, so rows that come
    and go (outbox, timers) count only with the space that they keep.
    """
    before = await _sizes(testbed)
    load = await testbed.generator.closed_loop(
        testbed.intake_target, posts(traffic.contacts(count, testbed.random)), concurrency
    )
    contact_ids = [post.contact_id for post in load.sent]
    await testbed.wait_until_tracked(contact_ids)
    for verb, body in (("messages", MESSAGE), ("messages", REPLY), ("resolve", RESOLUTION)):
        requests = [Post(f"{CONTACTS}/{contact_id}/{verb}", body) for contact_id in contact_ids]
        await testbed.generator.closed_loop(testbed.intake_target, requests, concurrency)
    system = testbed.system
    sources = Sources.of(system)
    await wait_until_settled(sources, within=timedelta(minutes=5))
    await testbed.check_clean()
    after = await _sizes(testbed)
    growth = {table: (size - before.get(table, 0)) / count for table, size in after.items()}
    return {
        "storage_contacts": count,
        "storage_bytes_per_contact": sum(growth.values()),
        **{
            f"storage_bytes_per_contact_{table}": size
            for table, size in sorted(growth.items())
            if size >= SMALLEST_BYTES
        },
    }


async def _sizes(testbed: Testbed) -> Mapping[str, int]:
    """Return bytes on disk by `<schema>_<table>`, with indexes and out-of-line values."""
    connection = await asyncpg.connect(testbed.admin_url)
    try:
        await connection.execute("VACUUM")
        rows = await connection.fetch(_SIZES, list(EVENT_SERVICES))
    finally:
        await connection.close()
    return {row["name"]: row["bytes"] for row in rows}


_SIZES = """
    SELECT n.nspname || '_' || coalesce(parent.relname, c.relname) AS name,
           sum(pg_total_relation_size(c.oid))::bigint AS bytes
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE n.nspname = ANY($1::text[]) AND c.relkind = 'r'
    GROUP BY 1
"""
