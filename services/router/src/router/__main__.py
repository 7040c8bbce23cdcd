from router.main import cli

cli()
