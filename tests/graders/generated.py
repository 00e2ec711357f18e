"""Mutants made by a tool: Cosmic Ray's operators over the code of the solution.

Every mutant is graded like a submission. One that keeps full marks has survived: either a check is missing, or nobody
can tell it from the solution by what the stub's docstring says. The second kind is listed in ``survivors_<topic>.py``,
each with the reason; a survivor that is not listed, or a listed one that is caught, is a fault.
"""

from __future__ import annotations

import ast
import difflib
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cosmic_ray.mutating
import cosmic_ray.plugins

from autograder.course import Topic
from autograder.grading import operator
from autograder.reports.models import Report
from autograder.reports.store import read_report
from tests.graders.proof import JOBS, Survivor, checks_of, failed, slow_exercises, solution_cells, variant

_OTHER = {"Add": "Sub", "Sub": "Add", "Mul": "Div", "Div": "Mul", "FloorDiv": "Mul", "Mod": "FloorDiv", "Pow": "Mul"}
_BITS = {"BitAnd": "BitOr", "BitOr": "BitAnd", "BitXor": "BitAnd", "LShift": "RShift", "RShift": "LShift"}
_BORDER = {"Lt": "LtE", "LtE": "Lt", "Gt": "GtE", "GtE": "Gt"}
_NEGATED = {
    "Lt": "GtE",
    "LtE": "Gt",
    "Gt": "LtE",
    "GtE": "Lt",
    "Eq": "NotEq",
    "NotEq": "Eq",
    "Is": "IsNot",
    "IsNot": "Is",
}
OPERATORS = (
    # one other operator each: a mutant of every kind, not ten that fail alike
    *(f"core/ReplaceBinaryOperator_{old}_{new}" for old, new in (_OTHER | _BITS).items()),
    *(f"core/ReplaceComparisonOperator_{old}_{new}" for old, new in (*_BORDER.items(), *_NEGATED.items())),
    "core/ReplaceUnaryOperator_Delete_USub",
    "core/ReplaceUnaryOperator_Delete_Invert",
    "core/ReplaceUnaryOperator_Delete_Not",
    "core/AddNot",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak",
    "core/ExceptionReplacer",
    "core/NumberReplacer",
    "core/RemoveDecorator",
    "core/ZeroIterationForLoop",
)


@dataclass(frozen=True)
class Generated:
    """The source of one solution cell with one mutation.

    Attributes:
        exercise: the cell.
        source: its whole source.
        before: the changed lines as they were, without indentation.
        after: the same as they are.
    """

    exercise: str
    source: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.exercise}: {self.before!r} -> {self.after!r}"


@dataclass(frozen=True)
class Outcome:
    """What became of the generated mutants of one topic; an empty ``faults`` is the proof."""

    topic: str
    total: int
    caught: int
    equivalent: int
    faults: tuple[str, ...]


def generate(topic: Topic) -> list[Generated]:
    """Return every mutant of the solution's cells, in order; those that only change annotations are none."""
    return [mutant for exercise, source in solution_cells(topic).items() for mutant in _mutants(exercise, source)]


def _mutants(exercise: str, source: str) -> Iterator[Generated]:
    seen = {_without_annotations(source)}
    for name in OPERATORS:
        occurrence = 0
        while True:
            mutated = cosmic_ray.mutating.mutate_code(source, cosmic_ray.plugins.get_operator(name)(), occurrence)
            if mutated is None:
                break
            occurrence += 1
            try:
                tree = _without_annotations(mutated)
            except SyntaxError:  # the tool takes the star of `f(*parts)` for a multiplication
                continue
            if tree not in seen:
                seen.add(tree)
                yield Generated(exercise, mutated, *_changed(source, mutated))


def _without_annotations(source: str) -> str:
    """Return the syntax tree without what has no effect: annotations."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.dump(tree)


def _changed(old: str, new: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    removed, added = ([line[2:].strip() for line in lines if line.startswith(sign)] for sign in ("- ", "+ "))
    return "\n".join(removed), "\n".join(added)


def survivors(topic: Topic) -> list[Survivor]:
    """Return the mutants of a topic that nobody can tell from the solution."""
    listed: list[Survivor] = importlib.import_module(f"tests.graders.survivors_{topic.name}").SURVIVORS
    return listed


def judge(topic: Topic, mutants: Sequence[Generated], scratch: Path) -> Outcome:
    """Grade ``mutants`` and compare what survives with what is listed.

    On the CPU first, and what survives there on the other devices, too: placement is a small part of the points, and
    grading it takes twice as long.
    """
    alive = list(range(len(mutants)))
    for device in ("cpu", "auto"):
        reports = reports_of(topic, mutants, alive, device, scratch)
        alive = [n for n in alive if not _is_caught(mutants[n], reports[n], slow_exercises(topic))]
    reasons = {(s.exercise, s.before, s.after): s.reason for s in survivors(topic)}
    found = {
        number: (mutants[number].exercise, mutants[number].before, mutants[number].after)
        for number in range(len(mutants))
    }
    listed = {number for number, key in found.items() if key in reasons}
    faults = [f"survives, and is not listed: {mutants[number]}" for number in alive if number not in listed]
    faults += [f"is listed as a survivor, and is caught: {mutants[number]}" for number in listed if number not in alive]
    return Outcome(topic.name, len(mutants), len(mutants) - len(alive), len(alive), tuple(faults))


def _is_caught(mutant: Generated, report: Report, empty: frozenset[str]) -> bool:
    """Return whether the mutant loses points, in its exercise or in one that needs it and was not left empty."""
    exercises = {exercise.name for exercise in report.exercises} - (empty - {mutant.exercise})
    return any(failed(check) for name in exercises for check in checks_of(report, name))


def reports_of(
    topic: Topic, mutants: Sequence[Generated], numbers: Sequence[int], device: str, scratch: Path
) -> dict[int, Report]:
    """Grade some of the mutants and return their reports by number."""
    out = scratch / f"reports-{device}"
    slow = slow_exercises(topic)
    located = [
        variant(topic, scratch, f"generated-{n}", mutants[n].exercise, mutants[n].source, slow - {mutants[n].exercise})
        for n in numbers
    ]
    outcome = operator.grade(topic, located, out, jobs=JOBS, device=device)
    assert not outcome.set_aside, outcome.set_aside
    return {
        n: read_report(out / item.student / "report.staff.json").report
        for n, item in zip(numbers, located, strict=True)
    }


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table."""
    lines = ["| topic | generated | caught | equivalent |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {o.topic} | {o.total} | {o.caught} | {o.equivalent} |" for o in outcomes])
