"""The screens, one file each."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from console.pages import home, keys, sessions, sign_in

ROUTERS: Final[Sequence[APIRouter]] = (
    sign_in.router,
    sessions.router,
    keys.router,
    home.router,
)
