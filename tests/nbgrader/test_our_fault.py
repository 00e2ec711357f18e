"""What we cannot judge is nobody's zero and nobody's full marks: it has no number and waits for a person."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.nbgrader.course import ROOT, TOPIC, CopiedCourse, filled, loaded

GRADER = f"tests/hidden/grade_{TOPIC}.py"
BREAK = "\n\n{name}.__code__ = (lambda student: 1 / 0).__code__\n"
DEADLINE = "deadline = 2024-11-19T23:59:00+00:00\nlate_penalty_per_day = 4.0\n"  # handed in on the 21st: two days


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, gradebook: Path) -> CopiedCourse:
    """A course with two students, one of whom did nothing, and a hidden check that raises."""
    course = CopiedCourse(tmp_path_factory.mktemp("fault"))
    shutil.copy(gradebook, course.root)
    settings = course.root / "course.toml"
    table = f"[topics.{TOPIC}]\n"
    settings.write_text(settings.read_text().replace(table, table + DEADLINE))
    course.hand_in("perfect", filled())
    course.hand_in("stub", loaded(ROOT / "assignments" / TOPIC / f"{TOPIC}.ipynb"))
    return course


def test_broken_check_has_no_number_then_a_missing_engine_takes_numbers_back(course: CopiedCourse) -> None:
    grader = course.root / GRADER
    working = grader.read_text()
    first = re.search(r"^def (check_\w+)\(student: Any\)", working, re.M)
    assert first is not None
    grader.write_text(working + BREAK.format(name=first[1]))
    log = course.nbgrader("autograde", TOPIC)
    assert f"not graded, our fault: {first[1]}: ZeroDivisionError" in log
    broken = next(item for item in course.report("perfect").report.exercises if item.points < item.max_points)
    grades = course.grades()
    for student, others in (("perfect", 40 - broken.max_points), ("stub", 0)):
        assert grades[student]["cells"][f"test_{broken.name}"] == [None, True]
        assert grades[student]["needs_manual_grade"]
        assert grades[student]["score"] == others
    autograded = (course.root / "autograded" / "perfect" / TOPIC / f"{TOPIC}.ipynb").read_text()
    assert "not graded yet" in autograded
    assert "ZeroDivisionError" not in autograded

    grader.write_text(working)
    course.nbgrader("autograde", TOPIC, "--force")
    grades = course.grades()
    assert [grades[student]["score"] for student in ("perfect", "stub")] == [40, 0]
    assert not grades["perfect"]["needs_manual_grade"]
    assert grades["perfect"]["penalty"] == 8
    assert grades["stub"]["penalty"] == 0

    grader.write_text(working + "\n\ndef broken(:\n")
    log = course.nbgrader("autograde", TOPIC, "--force", status=1)
    assert "the hidden checks cannot be" in log
    assert log.count("There was an error processing assignment '") == 2
    for student, grade in course.grades().items():
        assert {tuple(cell) for cell in grade["cells"].values()} == {(None, True)}, student
