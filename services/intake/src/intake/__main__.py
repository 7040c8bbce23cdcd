from intake.main import cli

cli()
