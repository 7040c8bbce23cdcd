"""Addresses and keys of the running system as variables of a shell: the guides use their names."""

import shlex
from pathlib import Path

from stage.actors import Actors
from stage.inbox import Inbox
from stage.sample_settings import ROLES
from stage.system import System


def environment(system: System, actors: Actors, inbox: Inbox) -> dict[str, str]:
    """Return `INTAKE` and so on for services, `SARA_KEY` for a key, `MESSAGES` for the page."""
    return {
        **{service.upper(): system.url(service) for service in system.ports},
        "MESSAGES": inbox.url,
        **{f"{name.upper()}_KEY": actors.key(name) for name in ROLES},
    }


def write_environment(system: System, actors: Actors, inbox: Inbox) -> Path:
    """Write a file for `.` of a shell, beside the logs, which only its owner can read."""
    path = system.logs / "environment"
    path.touch(mode=0o600)
    variables = environment(system, actors, inbox).items()
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables))
    return path
