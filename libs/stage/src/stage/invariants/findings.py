"""What the checker found: how many facts it looked at, and which of them break an invariant."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Violation:
    """`number` is the invariant's in DESIGN.md; `evidence` are the ids to look at."""

    invariant: int
    message: str
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.message} [{', '.join(self.evidence)}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` counts the facts looked at for each invariant.

    `remarks` are about what no service could have known better at the time.
    """

    violations: Sequence[Violation]
    checked: dict[int, int]
    remarks: tuple[str, ...] = ()

    @property
    def broken_invariants(self) -> set[int]:
        return {one.invariant for one in self.violations}

    def __str__(self) -> str:
        counts = ", ".join(f"{number}: {count}" for number, count in sorted(self.checked.items()))
        kinds = Counter((one.invariant, one.message) for one in self.violations)
        shown = [str(one) for one in self.violations[:_MAX_SHOWN]]
        return "\n".join(
            [
                f"facts checked by invariant: {counts}; broken: {len(self.violations)}",
                *(f"  {count} x invariant {n}: {told}" for (n, told), count in kinds.items()),
                *shown,
                *self.remarks,
            ]
        )


@dataclass
class Findings:
    """Takes down each fact of one invariant as it is looked at."""

    invariant: int
    checked_count: int = 0
    violations: list[Violation] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def require(self, fact: bool, otherwise: str, *evidence: object) -> None:  # noqa: FBT001 - reads as the sentence it checks
        """Count one fact; where it does not hold, keep what is told `otherwise`, and the ids."""
        self.checked_count += 1
        if not fact:
            self.violations.append(Violation(self.invariant, otherwise, tuple(map(str, evidence))))
