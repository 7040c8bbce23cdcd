"""The checker's result: how many checks it made, and which of them failed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant` is its number in `stage.invariants`; `evidence` are the ids to look at."""

    invariant: int
    message: str
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.message} [{', '.join(self.evidence)}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` counts the checks for each invariant.

    `remarks` name unwanted results that no service could have avoided.
    """

    violations: Sequence[Violation]
    checked: dict[int, int]
    remarks: tuple[str, ...] = ()

    @property
    def broken_invariants(self) -> set[int]:
        return {violation.invariant for violation in self.violations}

    def __str__(self) -> str:
        counts = ", ".join(f"{number}: {count}" for number, count in sorted(self.checked.items()))
        kinds = Counter((item.invariant, item.message) for item in self.violations)
        shown = [str(violation) for violation in self.violations[:_MAX_SHOWN]]
        return "\n".join(
            [
                f"checks by invariant: {counts}; violations: {len(self.violations)}",
                *(
                    f"  {count} x invariant {number}: {message}"
                    for (number, message), count in kinds.items()
                ),
                *shown,
                *self.remarks,
            ]
        )


@dataclass
class Findings:
    """Collects the checks of one invariant."""

    invariant: int
    checked_count: int = 0
    violations: list[Violation] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def require(self, holds: bool, message: str, *evidence: object) -> None:  # noqa: FBT001 - reads as the sentence it checks
        """Count one check; if it does not hold, record a violation with this message."""
        self.checked_count += 1
        if not holds:
            self.violations.append(Violation(self.invariant, message, tuple(map(str, evidence))))
