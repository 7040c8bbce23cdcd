"""A kind of channel is a part of the names of systems."""

from typing import get_args

from common.contracts.event import Role
from intake.channels.registry import CHANNELS


def test_kind_of_channel_is_no_role() -> None:
    """Else the connection `channel:shop` would be the channel `shop`."""
    assert not set(CHANNELS) & set(get_args(Role))
