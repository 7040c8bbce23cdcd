"""The cookie that says which of the person's devices this browser is."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN

_NAME: Final = "upstairs-device"
_YEAR_S: Final = 365 * 24 * 3600
_DEVICE_ID: Final = re.compile(UUID_PATTERN)


@dataclass(frozen=True, slots=True)
class DeviceCookie:
    """It outlives the session, since notifications do; the sign-out removes the device."""

    is_secure: bool

    def read(self, request: Request) -> str | None:
        device_id = request.cookies.get(_NAME, "")
        return device_id if _DEVICE_ID.fullmatch(device_id) else None

    def write(self, response: Response, device_id: str) -> None:
        response.set_cookie(
            _NAME,
            device_id,
            max_age=_YEAR_S,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        response.delete_cookie(
            _NAME, path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )
