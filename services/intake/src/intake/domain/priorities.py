"""Which priority is the more urgent one."""

from typing import Final

from common.contracts.contacts import Priority

_URGENCY: Final[dict[Priority, int]] = {"low": 0, "normal": 1, "high": 2, "urgent": 3}


def is_more_urgent(priority: Priority, other: Priority) -> bool:
    return _URGENCY[priority] > _URGENCY[other]
