"""The page of the devices on which a person is notified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.views.reader import Reader, parse_time
from console.views.words import service_names


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """`is_own`: it is the browser that shows the page."""

    device_id: str
    name: str
    added: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class DevicesView:
    """`public_key` is what a browser subscribes with; None if nobody can. `devices`: as it."""

    public_key: str | None
    devices: tuple[DeviceRow, ...] | None
    has_own: bool
    missing: tuple[str, ...]


def devices_view(
    key: Mapping[str, Any] | None,
    devices: Mapping[str, Any] | None,
    own: str | None,
    missing: Sequence[str],
    reader: Reader,
) -> DevicesView:
    """Return what the page shows; a part without an answer of notifier is None."""
    rows = None
    if devices is not None:
        rows = tuple(_row(device, own, reader) for device in reversed(devices["items"]))
    return DevicesView(
        public_key=None if key is None else key["public_key"],
        devices=rows,
        has_own=any(row.is_own for row in rows or ()),
        missing=service_names(missing, reader.texts),
    )


def _row(device: Mapping[str, Any], own: str | None, reader: Reader) -> DeviceRow:
    added = parse_time(device["added_at"])
    return DeviceRow(
        device_id=device["device_id"],
        name=device["name"],
        added="" if added is None else reader.texts.time(added, reader.now),
        is_own=device["device_id"] == own,
    )
