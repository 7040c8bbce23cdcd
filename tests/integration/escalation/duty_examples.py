"""A duty schedule of two people who take turns day by day."""

from typing import Any

import httpx

PLACE = "/v1/duty-schedules/supervisors"
ROTATION: dict[str, Any] = {
    "zone": "UTC",
    "starts_at": "2026-01-05T00:00:00Z",
    "shift_s": 86400,
    "members": ["sam", "kim"],
}
DUTY_OF_TWO: dict[str, Any] = {"rotations": [ROTATION]}


async def own_shift(api: httpx.AsyncClient, person: str) -> dict[str, Any]:
    """Return the person's next shift that has not begun."""
    listed = (await api.get(f"{PLACE}/shifts")).json()["items"]
    return next(shift for shift in listed[1:] if shift["person_id"] == person)
