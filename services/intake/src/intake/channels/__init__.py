"""Outside systems that contacts come from: one file for each kind of channel."""

from collections.abc import Mapping
from typing import Final

from intake.channels.base import Channel
from intake.channels.zendesk import Zendesk

# A new kind of channel is one file and one line here.
_KINDS: tuple[Channel, ...] = (Zendesk(),)

CHANNELS: Final[Mapping[str, Channel]] = {channel.kind: channel for channel in _KINDS}
