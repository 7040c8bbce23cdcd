"""The composition root of the console."""

from collections.abc import Coroutine
from functools import partial
from typing import Any

from common.messaging.signatures import SigningKeyError
from common.service.cli import process_cli
from common.service.process import ProcessSpec, serve_process
from console import tables
from console.application import make_app
from console.commands import add_commands
from console.settings import Settings
from console.store import UnitOfWork
from console.tokens.signing_keys import read_keys


class WrongKeysError(SystemExit):
    """Without a key no service believes who looks."""


def build(settings: Settings) -> ProcessSpec[UnitOfWork]:
    return ProcessSpec(
        name="console",
        unit_of_work=UnitOfWork,
        make_app=partial(make_app, settings),
        workers=lambda app: (app.state.live,),
        retention=tables.RETENTION,
    )


def _run(settings: Settings) -> Coroutine[Any, Any, None]:
    _require_keys(settings)
    return serve_process(build(settings), settings)


def _require_keys(settings: Settings) -> None:
    if not settings.token_keys.all:
        raise WrongKeysError(
            "UPSTAIRS_TOKEN_KEYS is empty: `python -m console make-key` makes one."
        )
    try:
        read_keys(settings.token_keys.all)
    except SigningKeyError as error:
        raise WrongKeysError(f"UPSTAIRS_TOKEN_KEYS: {error}") from error


cli = process_cli("console", Settings, _run)
add_commands(cli)
