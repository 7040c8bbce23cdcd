"""The screens, one file each."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from console.pages import duty, floor, home, keys, mine, sessions, sign_in

ROUTERS: Final[Sequence[APIRouter]] = (
    sign_in.router,
    sessions.router,
    keys.router,
    home.router,
    floor.router,
    mine.router,
    duty.router,
)
