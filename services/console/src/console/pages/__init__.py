"""The screens, one file each."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from console.pages import (
    actions,
    duty,
    escalation,
    floor,
    home,
    keys,
    live,
    mine,
    now,
    preferences,
    sessions,
    sign_in,
    wall,
)

ROUTERS: Final[Sequence[APIRouter]] = (
    sign_in.router,
    sessions.router,
    keys.router,
    home.router,
    floor.router,
    mine.router,
    duty.router,
    preferences.router,
    now.router,
    wall.router,
    escalation.router,
    actions.router,
    live.router,
)
