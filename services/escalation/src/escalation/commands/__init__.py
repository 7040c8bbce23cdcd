"""The commands of escalation in addition to those of every service. They only read.

Exit codes: 0 success; 1 a check failed or the thing does not exist; 2 wrong usage; 3 the database
is unavailable.
"""

import typer

from escalation.commands.explain import explain_clocks
from escalation.commands.simulate import simulate
from escalation.commands.verify_audit_trail import audit_trail_heads, verify_audit_trail


def install(cli: typer.Typer) -> None:
    """Add the commands to those that every service has."""
    cli.command("explain-clocks")(explain_clocks)
    cli.command("audit-trail-heads")(audit_trail_heads)
    cli.command("verify-audit-trail")(verify_audit_trail)
    cli.command("simulate")(simulate)
