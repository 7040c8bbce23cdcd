"""The troubles of a process by part; it is ready when there are none."""


class Health:
    """Each part reports its trouble, and that it is healthy again."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}

    def report_trouble(self, part: str, reason: str) -> None:
        self._troubles[part] = reason

    def report_healthy(self, part: str) -> None:
        self._troubles.pop(part, None)

    @property
    def troubles(self) -> dict[str, str]:
        return dict(self._troubles)
