"""A release is made by nbgrader, is the same every time, and gives nothing away."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import HarnessError, UsageError
from autograder.nbgrader.release import release_topic
from tests.nbgrader.course import ROOT, TOPIC, CopiedCourse, cell_of, dumped, loaded, plain_cell


def test_release_is_the_committed_one_and_leaves_nothing_else(copied_course: CopiedCourse) -> None:
    before = _tree(copied_course.root)
    released = copied_course.root / "assignments" / TOPIC / f"{TOPIC}.ipynb"
    committed = released.read_bytes()
    released.unlink()
    (released.parent / "stale.txt").write_text("of an earlier release")
    assert release_topic(copied_course.course, TOPIC) == released
    assert released.read_bytes() == committed, "assignments/ is not up to date. Run: autograder release"
    assert _tree(copied_course.root) == before


def test_refused_release_changes_nothing(copied_course: CopiedCourse) -> None:
    before = _tree(copied_course.root / "assignments")
    path = copied_course.root / "solutions" / TOPIC / f"{TOPIC}.ipynb"
    notebook = loaded(path)
    notebook["cells"].append(plain_cell("".join(cell_of(notebook, "box_iou")["source"])))
    del notebook["cells"][-1]["outputs"], notebook["cells"][-1]["execution_count"]
    notebook["cells"][-1] |= {"cell_type": "markdown", "source": _without_marks(notebook["cells"][-1]["source"])}
    path.write_bytes(dumped(notebook))
    with pytest.raises(HarnessError, match=r"release of metrics refused: cell number .* solution of box_iou"):
        release_topic(copied_course.course, TOPIC)
    assert _tree(copied_course.root / "assignments") == before


def test_solution_that_nbgrader_cannot_read_is_one_sentence(copied_course: CopiedCourse) -> None:
    path = copied_course.root / "solutions" / TOPIC / f"{TOPIC}.ipynb"
    notebook = loaded(path)
    cell = cell_of(notebook, "box_iou")
    cell["source"] = "".join(cell["source"]).replace("### END SOLUTION", "")
    path.write_bytes(dumped(notebook))
    with pytest.raises(HarnessError, match="no end solution statement found") as refused:
        release_topic(copied_course.course, TOPIC)
    assert "\n" not in str(refused.value)


def test_teachers_code_beside_the_notebook_is_refused(copied_course: CopiedCourse) -> None:
    (copied_course.root / "solutions" / TOPIC / "answers.py").write_text("answer = 42\n")
    with pytest.raises(HarnessError, match=r"metrics/answers\.py"):
        release_topic(copied_course.course, TOPIC)


def test_topic_without_solution_is_a_usage_error(copied_course: CopiedCourse) -> None:
    (copied_course.root / "solutions" / TOPIC / f"{TOPIC}.ipynb").unlink()
    with pytest.raises(UsageError, match=r"expected solutions/metrics/metrics\.ipynb"):
        release_topic(copied_course.course, TOPIC)
    with pytest.raises(UsageError, match=r"expected one of bandit, .*metrics"):
        release_topic(Course.find(ROOT), "unheard_of")


def test_nbgraders_own_command_refuses_too(copied_course: CopiedCourse) -> None:
    toml = copied_course.root / "course.toml"
    toml.write_text(toml.read_text().replace("points = 40.0", "points = 41.0"))
    log = copied_course.nbgrader("generate_assignment", TOPIC, "--force", status=1)
    assert "expected 41 points (course.toml), got 40" in log


def _without_marks(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if "SOLUTION" not in line)


def _tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
