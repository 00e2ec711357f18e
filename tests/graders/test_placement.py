"""Placement: a mistake about devices costs the points of placement, none of the others, and its line is named."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.grading import operator
from autograder.reports.models import Report
from tests.graders.mutants_metrics import MISPLACED
from tests.graders.proof import Mutant
from tests.graders.prove import ROOT, _variant

BLAMED = re.compile(r"`[^`]+`(?:, used)? in (line \d+ of .+?)(?: makes|, was made| moves| works)")
EACH = pytest.mark.parametrize(("mutant", "culprit"), MISPLACED, ids=[mutant.id for mutant, _ in MISPLACED])


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Grade every mutant that is wrong about devices, once, and return what its student reads."""
    scratch = tmp_path_factory.mktemp("placement")
    topic = Course.find(ROOT).topic("metrics")
    located = [_variant(topic, scratch, mutant.id, mutant.exercise, mutant.source) for mutant, _ in MISPLACED]
    assert operator.grade(topic, located, scratch / "reports", jobs=2).is_complete
    return {item.student: _read(scratch / "reports" / item.student / "report.json") for item in located}


def _read(path: Path) -> Report:
    return Report.model_validate_json(path.read_text(encoding="utf-8"))


@EACH
def test_only_points_of_placement_are_lost(mutant: Mutant, culprit: str, reports: dict[str, Report]) -> None:
    """Whoever calls the function may lose the points of its own placement, and nothing else either."""
    for exercise in reports[mutant.id].exercises:
        lost = {check.id for check in exercise.checks if check.points < check.max_points}
        assert lost <= {f"check_placement_of_{exercise.name}"}
        assert lost or exercise.name != mutant.exercise


@EACH
def test_the_line_is_named(mutant: Mutant, culprit: str, reports: dict[str, Report]) -> None:
    (number,) = [n for n, line in enumerate(mutant.source.splitlines(), 1) if line.strip() == culprit]
    (check,) = [c for c in reports[mutant.id].checks if c.id == mutant.caught_by and c.points < c.max_points]
    assert BLAMED.findall(check.message) == [f"line {number} of cell {mutant.exercise}"], check.message


def test_every_exercise_has_several_kinds_of_mistakes_and_every_kind_several_exercises(
    reports: dict[str, Report],
) -> None:
    found = {(mutant.id.rstrip("abcdef"), mutant.exercise) for mutant, _ in MISPLACED}
    exercises, kinds = Counter(exercise for _, exercise in found), Counter(kind for kind, _ in found)
    report = next(iter(reports.values()))
    assert all(exercises[exercise.name] >= 2 for exercise in report.exercises)
    assert all(count >= 2 for count in kinds.values())
