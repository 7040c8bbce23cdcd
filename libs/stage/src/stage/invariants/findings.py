"""What the checker found: how many facts it looked at, and which of them break an invariant."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Broken:
    """`number` is the invariant's in DESIGN.md; `evidence` are the ids to look at."""

    number: int
    told: str
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        return f"invariant {self.number}: {self.told} [{', '.join(self.evidence)}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked` counts the facts looked at for each invariant.

    `remarks` are about what no service could have known better at the time.
    """

    broken: Sequence[Broken]
    checked: dict[int, int]
    remarks: tuple[str, ...] = ()

    @property
    def numbers(self) -> set[int]:
        return {one.number for one in self.broken}

    def __str__(self) -> str:
        counts = ", ".join(f"{number}: {count}" for number, count in sorted(self.checked.items()))
        kinds = Counter((one.number, one.told) for one in self.broken)
        shown = [str(one) for one in self.broken[:_SHOWN]]
        return "\n".join(
            [
                f"facts checked by invariant: {counts}; broken: {len(self.broken)}",
                *(f"  {count} x invariant {n}: {told}" for (n, told), count in kinds.items()),
                *shown,
                *self.remarks,
            ]
        )


@dataclass
class Ledger:
    """Takes down each fact of one invariant as it is looked at."""

    number: int
    checked: int = 0
    broken: list[Broken] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def require(self, fact: bool, otherwise: str, *evidence: object) -> None:  # noqa: FBT001 - reads as the sentence it checks
        """Count one fact; where it does not hold, keep what is told `otherwise`, and the ids."""
        self.checked += 1
        if not fact:
            self.broken.append(Broken(self.number, otherwise, tuple(map(str, evidence))))
