"""The screens, one file each."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from console.pages import (
    actions,
    escalation,
    home,
    keys,
    live,
    now,
    preferences,
    sessions,
    sign_in,
)

ROUTERS: Final[Sequence[APIRouter]] = (
    sign_in.router,
    sessions.router,
    keys.router,
    home.router,
    preferences.router,
    now.router,
    escalation.router,
    actions.router,
    live.router,
)
