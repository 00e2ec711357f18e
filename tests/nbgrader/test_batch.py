"""One call of the engine for a run, and a sentence for everybody who gets no report."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nbgrader.coursedir import CourseDirectory

from autograder.course import Topic
from autograder.errors import HarnessError, SandboxUnavailable
from autograder.grading import operator
from autograder.grading.operator import Graded, Outcome
from autograder.nbgrader.batch import Batch
from autograder.reports.build import build_report
from autograder.reports.example import ENVIRONMENT
from autograder.reports.models import StaffReport
from autograder.reports.store import write_report
from autograder.submissions.submission import Located
from tests.nbgrader.course import TOPIC, CopiedCourse, filled

STUDENTS = ("anna", "bert", "cleo")


class FakeEngine:
    """Has the interface of ``operator.grade``; sets aside whom it is told to, and loses the report of another."""

    def __init__(self, set_aside: str = "", lost: str = "", failure: Exception | None = None) -> None:
        self.set_aside, self.lost, self.failure = set_aside.split(), lost.split(), failure
        self.calls: list[list[str]] = []
        self.forced: list[bool] = []

    def __call__(self, topic: Topic, submissions: Iterable[Located], out: Path, **options: Any) -> Outcome:
        students = [located.student for located in submissions]
        self.calls.append(students)
        self.forced.append(options["is_forced"])
        if self.failure is not None:
            raise self.failure
        outcome = Outcome(set_aside=dict.fromkeys(self.set_aside, "its grader process ended 2 times"))
        for student in students:
            if student in self.set_aside:
                continue
            report = build_report(
                assignment=TOPIC, student=student, submission_sha256="0" * 64, environment=ENVIRONMENT, exercises=()
            )
            if student not in self.lost:
                write_report(out, StaffReport(report=report))
            outcome.graded.append(Graded(student, 0, 0, 0))
            options["progress"](outcome.graded[-1])
        return outcome


@pytest.fixture
def converter(copied_course: CopiedCourse) -> Any:
    """What a batch sees of nbgrader's converter, with three submissions."""
    for student in STUDENTS:
        copied_course.hand_in(student, filled())
    directory = CourseDirectory()
    directory.root = str(copied_course.root)
    folders = [str(copied_course.root / "submitted" / student / TOPIC) for student in STUDENTS]
    assignments = {folder: [f"{folder}/{TOPIC}.ipynb"] for folder in folders}
    return SimpleNamespace(coursedir=directory, assignments=assignments, force=False, log=logging.getLogger("test"))


def _batch(converter: Any, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Batch:
    monkeypatch.setattr(operator, "grade", engine)
    return Batch.of(converter, TOPIC, "build/nbgrader", 1)


def test_first_report_grades_the_class(converter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    for student in STUDENTS:
        batch = _batch(converter, engine, monkeypatch)
        assert batch.report(student).student == student
    assert engine.calls == [list(STUDENTS)]


def test_who_is_set_aside_fails_alone(converter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(set_aside="bert", lost="cleo")
    batch = _batch(converter, engine, monkeypatch)
    assert batch.report("anna").student == "anna"
    with pytest.raises(HarnessError, match="bert: not graded: its grader process ended 2 times"):
        batch.report("bert")
    with pytest.raises(HarnessError, match=r"cleo: not graded: .*expected a readable file"):
        batch.report("cleo")
    assert len(engine.calls) == 1


def test_engine_that_cannot_start_is_asked_once(converter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(failure=SandboxUnavailable("this kernel has no Landlock"))
    batch = _batch(converter, engine, monkeypatch)
    for student in STUDENTS:
        with pytest.raises(HarnessError, match=f"{student}: not graded: this kernel has no Landlock"):
            batch.report(student)
    assert len(engine.calls) == 1


def test_only_what_nbgrader_will_autograde_is_graded(converter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(converter.coursedir.root)
    for student, moment in (("bert", "2024-11-21 10:00:00.000000 UTC"), ("cleo", "2024-11-01 10:00:00.000000 UTC")):
        folder = root / "autograded" / student / TOPIC
        folder.mkdir(parents=True)
        (folder / "timestamp.txt").write_text(moment)
    engine = FakeEngine()
    _batch(converter, engine, monkeypatch).report("anna")
    assert engine.calls == [["anna", "cleo"]]

    converter.__dict__.pop("_autograder_batch")
    converter.force = True
    converter.coursedir.student_id_exclude = "cleo"
    _batch(converter, engine, monkeypatch).report("anna")
    assert engine.calls[1:] == [["anna", "bert"]]
    assert engine.forced == [False, True]


def test_link_instead_of_a_notebook_is_not_followed(converter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Path(converter.coursedir.root) / "submitted" / "anna" / TOPIC / f"{TOPIC}.ipynb"
    notebook.unlink()
    notebook.symlink_to(Path(converter.coursedir.root) / "solutions" / TOPIC / f"{TOPIC}.ipynb")
    seen: dict[str, Path | None] = {}

    def grade(topic: Topic, submissions: Iterable[Located], out: Path, **options: Any) -> Outcome:
        seen.update({located.student: located.path for located in submissions})
        return Outcome()

    monkeypatch.setattr(operator, "grade", grade)
    with pytest.raises(HarnessError, match="has no report"):
        Batch.of(converter, TOPIC, "build/nbgrader", 1).report("anna")
    assert seen["anna"] is None
    assert seen["bert"] is not None
