"""What a proof of a hidden grader consists of: mutants that it must catch and alternatives that it must accept."""

from __future__ import annotations

import ast
import importlib
import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import Topic
from autograder.reports.models import CheckResult, Report
from autograder.submissions.submission import Located

ROOT = Path(__file__).resolve().parents[2]
STUB = "def {}(*args, **kwargs):\n    raise NotImplementedError\n"
JOBS = len(os.sched_getaffinity(0))


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


@dataclass(frozen=True)
class Survivor:
    """A mutant made by the tool that nobody can tell from the solution by what the stub's docstring says.

    Attributes:
        exercise: the solution cell.
        before: the changed lines of the solution, without indentation.
        after: the same in the mutant.
        reason: why no check can, or may, take points for it.
    """

    exercise: str
    before: str
    after: str
    reason: str


def checks_of(report: Report, exercise: str) -> tuple[CheckResult, ...]:
    """Return the checks of one exercise."""
    return tuple(check for found in report.exercises if found.name == exercise for check in found.checks)


def failed(check: CheckResult) -> bool:
    """Return whether a check with points was judged, and lost."""
    return check.max_points > 0 and check.outcome not in ("passed", "not_run", "not_graded")


def slow_exercises(topic: Topic) -> frozenset[str]:
    """Return the training exercises, which the mutants module names as ``SLOW``: seconds each, and the last of all."""
    return frozenset(getattr(importlib.import_module(f"tests.graders.mutants_{topic.name}"), "SLOW", ()))


def unneeded_exercises(topic: Topic, exercise: str, source: str) -> frozenset[str]:
    """Return the exercises that neither a source nor the checks of its exercise ask for.

    Asked for is what the code names, and what that names in turn; what only the checks ask for, the mutants module
    names as ``NEEDS``. Left empty, the others cost no time; the proof sees to it that none is missed.
    """
    cells = solution_cells(topic)
    needs = getattr(importlib.import_module(f"tests.graders.mutants_{topic.name}"), "NEEDS", {})
    known: set[str] = set()
    asked = {exercise, *needs.get(exercise, ()), *(_names(source) & cells.keys())}
    while asked - known:
        name = (asked - known).pop()
        known.add(name)
        asked |= _names(cells[name]) & cells.keys()
    return frozenset(cells.keys() - known)


def other_trainings(topic: Topic, exercise: str, trains_again: bool) -> frozenset[str]:
    """Return the training exercises that may be left empty where another source stands for ``exercise``.

    Those that do not need it are the same, whatever stands there. Those that do need it are trained with what stands
    there if ``trains_again``, which takes half a minute each.
    """
    cells = solution_cells(topic)
    slow = slow_exercises(topic) - {exercise}
    if not trains_again:
        return slow
    return frozenset(name for name in slow if exercise in unneeded_exercises(topic, name, cells[name]))


def _names(source: str) -> set[str]:
    try:
        return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    except SyntaxError:
        return set(re.findall(r"\w+", source))


def variant(topic: Topic, scratch: Path, name: str, exercise: str, source: str, empty: Collection[str] = ()) -> Located:
    """Write the solution notebook with another source in one of its solution cells.

    Args:
        topic: the topic.
        scratch: the folder for the notebook.
        name: the student.
        exercise: the solution cell.
        source: what stands there.
        empty: exercises that are left to be done, unless it is the one that has ``source``.
    """
    notebook: dict[str, Any] = json.loads(topic.solution.read_text(encoding="utf-8"))
    cells = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
    for other in empty:
        cells[other]["source"] = STUB.format(other)
    cells[exercise]["source"] = source
    path = scratch / f"{name}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return Located(name, path)


def solution_cells(topic: Topic) -> dict[str, str]:
    """Return the source of each solution cell of the teacher's notebook by exercise."""
    notebook: dict[str, Any] = json.loads(topic.solution.read_text(encoding="utf-8"))
    found = ((cell, cell["metadata"].get("nbgrader", {})) for cell in notebook["cells"])
    return {grader["grade_id"]: "".join(cell["source"]) for cell, grader in found if grader.get("solution")}
