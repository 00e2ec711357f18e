"""What a proof of a hidden grader consists of: mutants that it must catch and alternatives that it must accept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A student's source with one planted mistake.

    Attributes:
        id: the row of the misconception bank, with a letter where a row has several mutants; ``X`` rows are ours.
        exercise: the solution cell whose source is replaced.
        mistake: what is wrong, in a few words.
        source: the whole source of the cell, as a student would have written it.
        caught_by: the check function that must fail; empty for an equivalent mutant.
        named: the misconception that the report must name; ``None`` if it cannot name one (see ``reason``).
        reason: why no misconception is named.
        equivalent: why the grader cannot, or must not, observe the mistake; such a mutant earns full points.
    """

    id: str
    exercise: str
    mistake: str
    source: str
    caught_by: str = ""
    named: str | None = None
    reason: str = ""
    equivalent: str = ""

    @property
    def is_in_bank(self) -> bool:
        """Whether it is a classic misconception (a row with M) rather than a slip of our own devising (X)."""
        return "-M" in self.id

    def __post_init__(self) -> None:
        if bool(self.caught_by) == bool(self.equivalent):
            raise ValueError(f"{self.id}: expected either caught_by or equivalent")
        if self.caught_by and (self.named is None) != bool(self.reason):
            raise ValueError(f"{self.id}: expected either a named misconception or a reason why there is none")


@dataclass(frozen=True)
class Alternative:
    """A correct solution in another style, which must earn all points.

    Attributes:
        name: what is different, in a few words.
        exercise: the solution cell whose source is replaced.
        source: the whole source of the cell.
    """

    name: str
    exercise: str
    source: str
