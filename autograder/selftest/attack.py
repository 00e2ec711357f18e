"""What an attack is: a submission, what the same code would honestly earn, and what must be named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Notebook = dict[str, Any]

WON = "GOT THROUGH:"
"""An attack prints this, and what it got hold of, when it has got through; nothing else may."""

GROUPS = {
    "A": "exits and control flow",
    "B": "stealing expected values and tests",
    "C": "tampering with the tester",
    "D": "values that lie",
    "E": "forging the result",
    "F": "resources",
    "G": "network and environment",
    "H": "packages and notebook metadata",
    "I": "reports and people",
    "J": "scheduling and exams",
}


@dataclass(frozen=True)
class Attack:
    """One hostile submission to the course of :mod:`autograder.selftest.vault`.

    Attributes:
        id: the group's letter and a number, with a small letter where one idea has several submissions.
        tries: what it tries, in a few words.
        double: the source of the cell ``double``; everything else is honest work.
        change: changes the notebook further.
        files: what lies beside the notebook, by name.
        honest: the most that the same code earns honestly, by exercise; the exercises that are not named must earn
            all their points: what an attack does in one cell costs nothing elsewhere.
        incidents: kinds of incidents of which the report must name at least one; empty where nothing happens.
    """

    id: str
    tries: str
    double: str = ""
    change: Callable[[Notebook], None] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    honest: Mapping[str, float] = field(default_factory=lambda: {"double": 0.0})
    incidents: tuple[str, ...] = ()

    @property
    def student(self) -> str:
        """The name under which it is handed in."""
        return f"attack-{self.id}"


@dataclass(frozen=True)
class NotExpressible:
    """An attack that no submission can be written for, with the reason and the test that shows it.

    Attributes:
        id: as above.
        tries: as above.
        reason: why there is nothing to attack.
        shown_by: the test of the reason, ``tests/<file>::<function>``.
    """

    id: str
    tries: str
    reason: str
    shown_by: str
