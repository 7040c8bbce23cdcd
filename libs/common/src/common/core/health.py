"""What stands in the way of work, by part: readiness is that nothing does."""


class Health:
    """Parts report trouble and its end; a part starts as not ready until it says otherwise."""

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}

    def report_trouble(self, part: str, why: str) -> None:
        self._troubles[part] = why

    def report_well(self, part: str) -> None:
        self._troubles.pop(part, None)

    @property
    def troubles(self) -> dict[str, str]:
        return dict(self._troubles)
