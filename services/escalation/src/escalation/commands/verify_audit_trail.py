"""`verify-audit-trail`: checks the hash chain of each escalation's audit trail."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import typer

from common.contracts.event import EscalationId
from escalation.commands.connection import EXIT_CHECK_FAILED, run_query
from escalation.domain.audit_trail import TrailChain, find_breaks
from escalation.store.audit_trail import AuditTrail


def verify_audit_trail(
    escalation: Annotated[
        UUID | None, typer.Option(help="only the trail of this escalation", metavar="ID")
    ] = None,
) -> None:
    """Verify that no entry of an audit trail was changed, added, removed or cut off."""
    only = None if escalation is None else EscalationId(str(escalation))
    chains, broken = run_query(lambda connection: _verify(AuditTrail(connection), only))
    if broken or (only is not None and not chains):
        raise typer.Exit(EXIT_CHECK_FAILED)


async def _verify(trail: AuditTrail, only: EscalationId | None) -> tuple[int, int]:
    """Print each break as it is found; return how many chains were checked, and are broken."""
    checked = entries = broken = 0
    async with aclosing(_pages(trail, only)) as pages:
        async for page in pages:
            for chain in page:
                breaks = list(find_breaks(chain))
                for chain_break in breaks:
                    typer.echo(
                        f"{chain_break.escalation_id} entry {chain_break.number}: "
                        f"{chain_break.detail}"
                    )
                checked += 1
                entries += len(chain.entries)
                broken += bool(breaks)
    if only is not None and not checked:
        typer.echo("There is no such escalation.", err=True)
    elif broken:
        typer.echo(f"{broken} of {checked} escalations have a broken audit trail")
    else:
        typer.echo(f"{checked} escalations, {entries} entries verified")
    return checked, broken


async def _pages(
    trail: AuditTrail, only: EscalationId | None
) -> AsyncGenerator[list[TrailChain], None]:
    if only is None:
        async with aclosing(trail.all_chains()) as pages:
            async for page in pages:
                yield page
    else:
        yield await trail.chains([only])
