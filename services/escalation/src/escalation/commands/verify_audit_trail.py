"""`verify-audit-trail` and `audit-trail-heads`: the hash chain of each escalation's audit trail."""

import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import orjson
import typer

from common.contracts.event import EscalationId
from escalation.commands.connection import EXIT_CHECK_FAILED, run_query
from escalation.domain.audit_trail import (
    ChainBreak,
    TrailChain,
    TrailChainHead,
    find_breaks,
    find_rewritten,
)
from escalation.store.audit_trail import AuditTrail

KeptHeads = Mapping[EscalationId, Sequence[TrailChainHead]]


def verify_audit_trail(
    escalation: Annotated[
        UUID | None, typer.Option(help="only the trail of this escalation", metavar="ID")
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(
            help="lines of `audit-trail-heads`, or logs with `audit_trail_head`: the chains must "
            "contain these heads, or somebody rewrote them",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Verify that no entry of an audit trail was changed, added, removed or cut off."""
    only = None if escalation is None else EscalationId(str(escalation))
    kept = {} if heads is None else _read_heads(heads, only)
    chains, broken = run_query(lambda connection: _verify(AuditTrail(connection), only, kept))
    if broken or (only is not None and not chains):
        raise typer.Exit(EXIT_CHECK_FAILED)


def audit_trail_heads() -> None:
    """Print the head of each audit trail, one JSON document a line, to keep elsewhere."""
    run_query(lambda connection: _print_heads(AuditTrail(connection)))


async def _print_heads(trail: AuditTrail) -> None:
    async with aclosing(trail.all_chains()) as pages:
        async for page in pages:
            for chain in page:
                head = TrailChainHead(chain.escalation_id, chain.length, chain.head)
                sys.stdout.buffer.write(orjson.dumps(asdict(head)) + b"\n")


def _read_heads(path: Path, only: EscalationId | None) -> KeptHeads:
    """Read heads from any JSON lines; lines about something else are left out."""
    kept: defaultdict[EscalationId, list[TrailChainHead]] = defaultdict(list)
    with path.open("rb") as lines:
        for line in lines:
            head = _read_head(line)
            if head is not None and only in (None, head.escalation_id):
                kept[head.escalation_id].append(head)
    if not kept:
        raise typer.BadParameter("the file has no head of an audit trail")
    return kept


def _read_head(line: bytes) -> TrailChainHead | None:
    try:
        fields = orjson.loads(line)
        return TrailChainHead(fields["escalation_id"], int(fields["length"]), str(fields["head"]))
    except (ValueError, KeyError, TypeError):
        return None


async def _verify(trail: AuditTrail, only: EscalationId | None, kept: KeptHeads) -> tuple[int, int]:
    """Print each break as it is found; return how many chains were checked, and are broken."""
    checked = entries = broken = 0
    missing = set(kept)
    async with aclosing(_pages(trail, only)) as pages:
        async for page in pages:
            for chain in page:
                missing.discard(chain.escalation_id)
                breaks = [
                    *find_breaks(chain),
                    *find_rewritten(chain, kept.get(chain.escalation_id, ())),
                ]
                _print_breaks(breaks)
                checked += 1
                entries += len(chain.entries)
                broken += bool(breaks)
    for escalation_id in sorted(missing):
        typer.echo(f"{escalation_id}: its head was kept, but there is no such audit trail")
    if only is not None and not checked:
        typer.echo("There is no such escalation.", err=True)
    elif broken or missing:
        bad, total = broken + len(missing), checked + len(missing)
        typer.echo(f"{bad} of {total} escalations have a broken audit trail")
    else:
        typer.echo(f"{checked} escalations, {entries} entries verified")
    return checked, broken + len(missing)


def _print_breaks(breaks: Iterable[ChainBreak]) -> None:
    for each in breaks:
        typer.echo(f"{each.escalation_id} entry {each.number}: {each.detail}")


async def _pages(
    trail: AuditTrail, only: EscalationId | None
) -> AsyncGenerator[list[TrailChain], None]:
    if only is None:
        async with aclosing(trail.all_chains()) as pages:
            async for page in pages:
                yield page
    else:
        yield await trail.chains([only])
