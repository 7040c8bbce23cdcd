from notifier.main import cli

cli()
