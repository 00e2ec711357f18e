"""A real class: every sample submission earns what it states, and its report says what happened."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course
from autograder.grading import operator
from autograder.grading.devices import CPU, CUDA
from autograder.reports.models import Report
from autograder.reports.store import read_report, student_folder
from autograder.submissions.submission import locate

ROOT = Path(__file__).resolve().parents[2]
COURSE = Course.find(ROOT)
CASES = [
    (topic, student)
    for topic in COURSE.file.topics
    for student in tomllib.loads((ROOT / f"tests/submissions/{topic}/expected.toml").read_text(encoding="utf-8"))
]


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Report]:
    """Grade every sample of every topic, once."""
    reports = {}
    for topic in COURSE.file.topics:
        out = tmp_path_factory.mktemp(f"class-{topic}")
        found = locate(topic, [ROOT / "tests" / "submissions" / topic])
        outcome = operator.grade(COURSE.topic(topic), found, out, jobs=2)
        assert outcome.is_complete
        for item in found:
            staff = read_report(out / student_folder(item.student) / "report.staff.json")
            reports[topic, item.student] = staff.report
    return reports


@pytest.mark.parametrize(("topic", "student"), CASES)
def test_submission_earns_what_it_states(topic: str, student: str, graded_class: dict[tuple[str, str], Report]) -> None:
    stated: dict[str, Any] = tomllib.loads(
        (ROOT / f"tests/submissions/{topic}/expected.toml").read_text(encoding="utf-8")
    )
    expected, report = stated[student], graded_class[topic, student]
    assert {exercise.name: exercise.points for exercise in report.exercises} == expected["points"]
    assert report.points == expected["total"]
    judged = [check for check in report.checks if check.device == CPU or check.outcome != "not_run"]
    outcomes = {check.outcome for check in judged if check.device != CUDA} - {"passed", "failed"}
    assert outcomes == set(expected["outcomes"])
    kinds = {incident.kind for incident in report.incidents}
    assert kinds - {outcome.replace("_", "-") for outcome in outcomes} == set(expected["incidents"]) - {
        outcome.replace("_", "-") for outcome in outcomes
    }


def test_every_file_of_the_class_states_what_it_must_earn() -> None:
    for topic in COURSE.file.topics:
        folder = ROOT / "tests" / "submissions" / topic
        stated = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
        assert {entry["file"] for entry in stated.values()} == {
            path.name for path in folder.iterdir() if path.suffix in (".ipynb", ".py")
        }
        assert len(stated) >= 8


def test_eight_students_take_the_whole_course() -> None:
    classes = [
        tomllib.loads((ROOT / f"tests/submissions/{topic}/expected.toml").read_text(encoding="utf-8"))
        for topic in COURSE.file.topics
    ]
    assert len(set.intersection(*(set(stated) for stated in classes))) >= 8
