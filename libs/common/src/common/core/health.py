"""The troubles of a process by part; it is ready when there are none."""


class Health:
    """Each part reports its trouble, and that it is healthy again.

    A degradation asks for a person, but the process can work: it stays ready. Otherwise one bad
    row, which all replicas see, would take the whole service away from its callers.
    """

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self._degradations: dict[str, str] = {}

    def report_trouble(self, part: str, reason: str) -> None:
        self._troubles[part] = reason

    def report_healthy(self, part: str) -> None:
        self._troubles.pop(part, None)

    def report_degradation(self, part: str, reason: str | None) -> None:
        """Report what is wrong with a part, or None when it is mended."""
        if reason is None:
            self._degradations.pop(part, None)
        else:
            self._degradations[part] = reason

    @property
    def troubles(self) -> dict[str, str]:
        return dict(self._troubles)

    @property
    def degradations(self) -> dict[str, str]:
        return dict(self._degradations)
