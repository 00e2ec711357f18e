"""One class, graded once by nbgrader's own commands."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.nbgrader.course import TOPIC, CopiedCourse, dumped
from tests.nbgrader.students import CLASS

THROUGH_SUBMIT = ("perfect", "wrong")  # the others reach the exchange as copies of what `nbgrader submit` made


@dataclass(frozen=True)
class Term:
    """What a term left behind."""

    course: CopiedCourse
    log: str
    grades: dict[str, Any]


@pytest.fixture
def copied_course(tmp_path: Path) -> CopiedCourse:
    """A course of its own for one test."""
    return CopiedCourse(tmp_path)


@pytest.fixture(scope="session")
def gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``nbgrader generate_assignment`` writes into an empty gradebook."""
    course = CopiedCourse(tmp_path_factory.mktemp("gradebook"))
    notebook = course.root / "assignments" / TOPIC / f"{TOPIC}.ipynb"
    committed = notebook.read_bytes()
    course.nbgrader("generate_assignment", TOPIC, "--force")
    assert notebook.read_bytes() == committed, "nbgrader generates another release. Run: autograder release"
    return course.root / "gradebook.db"


@pytest.fixture(scope="session")
def term(tmp_path_factory: pytest.TempPathFactory, gradebook: Path) -> Term:
    """Release, fetch, submit, collect, autograde, feedback: a whole class."""
    folder = tmp_path_factory.mktemp("term")
    course = CopiedCourse(folder)
    shutil.copy(gradebook, course.root)
    course.nbgrader("release_assignment", TOPIC)
    laptop = folder / "laptop"
    laptop.mkdir()
    course.nbgrader("fetch_assignment", TOPIC, "--course=cnn", cwd=laptop)
    notebook = laptop / TOPIC / f"{TOPIC}.ipynb"
    assert notebook.read_bytes() == (course.root / "assignments" / TOPIC / f"{TOPIC}.ipynb").read_bytes()
    inbound = course.exchange / "cnn" / "inbound"
    for student, content in CLASS.items():
        data = content if isinstance(content, bytes) else dumped(content)
        if student in THROUGH_SUBMIT:
            notebook.write_bytes(data)
            course.nbgrader("submit", TOPIC, "--course=cnn", f"--student={student}", cwd=laptop)
        else:
            made = next(inbound.glob(f"{THROUGH_SUBMIT[0]}+*"))
            copied = inbound / made.name.replace(THROUGH_SUBMIT[0], student, 1)
            shutil.copytree(made, copied)
            (copied / notebook.name).chmod(0o644)
            (copied / notebook.name).write_bytes(data)
    course.nbgrader("collect", TOPIC)
    log = course.nbgrader("autograde", TOPIC)
    course.nbgrader("generate_feedback", TOPIC)
    return Term(course, log, course.grades())
