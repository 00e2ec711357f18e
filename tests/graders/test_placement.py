"""Placement: a mistake about devices costs the points of placement, none of the others, and its line is named."""

from __future__ import annotations

import re

import pytest

from autograder.course import Course
from autograder.grading import operator
from autograder.reports.models import Report
from autograder.reports.store import read_report
from tests.graders.mutants_metrics import MISPLACED
from tests.graders.proof import Mutant
from tests.graders.prove import ROOT, _variant

NAMED = re.compile(r"`[^`]+`(?:, used)? in (line \d+ of [^,.]+?)(?=,| makes| moves| works)")  # whom a message blames
EACH = pytest.mark.parametrize(("mutant", "culprit"), MISPLACED, ids=[mutant.id for mutant, _ in MISPLACED])


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Grade every mutant that is wrong about devices, at once."""
    scratch = tmp_path_factory.mktemp("placement")
    topic = Course.find(ROOT).topic("metrics")
    located = [_variant(topic, scratch, mutant.id, mutant.exercise, mutant.source) for mutant, _ in MISPLACED]
    outcome = operator.grade(topic, located, scratch / "reports", jobs=2)
    assert outcome.is_complete
    return {item.student: read_report(scratch / "reports" / item.student / "report.json") for item in located}


@EACH
def test_only_points_of_placement_are_lost(mutant: Mutant, culprit: str, reports: dict[str, Report]) -> None:
    lost = {check.id for check in reports[mutant.id].checks if check.points < check.max_points}
    assert mutant.caught_by in lost
    assert {check for check in lost if not check.startswith("check_placement_of_")} == set()
    (exercise,) = [found for found in reports[mutant.id].exercises if found.name == mutant.exercise]
    assert {check.id for check in exercise.checks if check.points < check.max_points} == {mutant.caught_by}


@EACH
def test_the_line_is_named(mutant: Mutant, culprit: str, reports: dict[str, Report]) -> None:
    (number,) = [n for n, line in enumerate(mutant.source.splitlines(), 1) if line.strip() == culprit]
    (check,) = [c for c in reports[mutant.id].checks if c.id == mutant.caught_by and c.points < c.max_points]
    assert NAMED.findall(check.message) == [f"line {number} of cell {mutant.exercise}"], check.message


def test_every_exercise_has_mistakes_of_several_kinds() -> None:
    kinds: dict[str, set[str]] = {}
    for mutant, _ in MISPLACED:
        kinds.setdefault(mutant.exercise, set()).add(mutant.id.rstrip("abcdef"))
    assert set(kinds) == {exercise.name for exercise in _exercises()}
    assert min(len(found) for found in kinds.values()) >= 2
