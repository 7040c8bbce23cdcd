"""The timers of intake."""

from common.messages import Timer


class SilenceDue(Timer):
    """Something should have come by a connection; `contact_id` stands for it."""

    kind: str
    connection: str
