from escalation.main import cli

cli()
