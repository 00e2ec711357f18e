"""Placement: a mistake about devices costs the points of placement, none of the others, and its line is named."""

from __future__ import annotations

import importlib
import re
import string
from collections import Counter
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.grading import operator
from autograder.reports.models import Report
from tests.graders.proof import ROOT, Mutant, other_trainings, variant

BLAMED = re.compile(r"`[^`]+`(?:, used)? in (line \d+ of .+?)(?: makes|, was made| moves| works)")
COURSE = Course.find(ROOT)
MISPLACED: dict[str, list[tuple[Mutant, str]]] = {
    topic: importlib.import_module(f"tests.graders.mutants_{topic}").MISPLACED for topic in COURSE.file.topics
}
EACH = pytest.mark.parametrize(
    ("topic", "mutant", "culprit"),
    [(topic, *row) for topic, rows in MISPLACED.items() for row in rows],
    ids=[mutant.id for rows in MISPLACED.values() for mutant, _ in rows],
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Grade every mutant that is wrong about devices, once, and return what its student reads."""
    found: dict[str, Report] = {}
    for name, rows in MISPLACED.items():
        scratch = tmp_path_factory.mktemp(f"placement-{name}")
        topic = COURSE.topic(name)
        located = [
            variant(topic, scratch, m.id, m.exercise, m.source, other_trainings(topic, m.exercise, trains_again=False))
            for m, _ in rows
        ]
        assert operator.grade(topic, located, scratch / "reports", jobs=2).is_complete
        found |= {item.student: _read(scratch / "reports" / item.student / "report.json") for item in located}
    return found


def _read(path: Path) -> Report:
    return Report.model_validate_json(path.read_text(encoding="utf-8"))


@EACH
def test_only_points_of_placement_are_lost(
    topic: str, mutant: Mutant, culprit: str, reports: dict[str, Report]
) -> None:
    """Whoever calls the function may lose the points of its own placement, and nothing else either."""
    empty = other_trainings(COURSE.topic(topic), mutant.exercise, trains_again=False)
    for exercise in reports[mutant.id].exercises:
        if exercise.name in empty:
            continue
        lost = {check.id for check in exercise.checks if check.points < check.max_points}
        assert lost <= {f"check_placement_of_{exercise.name}"}
        assert lost or exercise.name != mutant.exercise


@EACH
def test_the_line_is_named(topic: str, mutant: Mutant, culprit: str, reports: dict[str, Report]) -> None:
    (number,) = [n for n, line in enumerate(mutant.source.splitlines(), 1) if line.strip() == culprit]
    (check,) = [c for c in reports[mutant.id].checks if c.id == mutant.caught_by and c.points < c.max_points]
    assert BLAMED.findall(check.message) == [f"line {number} of cell {mutant.exercise}"], check.message


@pytest.mark.parametrize("topic", MISPLACED)
def test_every_exercise_has_several_kinds_of_mistakes_and_every_kind_several_exercises(
    topic: str, reports: dict[str, Report]
) -> None:
    rows = MISPLACED[topic]
    found = {(mutant.id.rstrip(string.ascii_lowercase), mutant.exercise) for mutant, _ in rows}
    exercises, kinds = Counter(exercise for _, exercise in found), Counter(kind for kind, _ in found)
    report = reports[rows[0][0].id]
    placed = [exercise for exercise in report.exercises if any("placement" in check.id for check in exercise.checks)]
    assert placed
    assert all(exercises[exercise.name] >= 2 for exercise in placed)
    assert all(count >= 2 for count in kinds.values())
