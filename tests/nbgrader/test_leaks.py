"""The scan of a release finds what students must not see, and nothing where there is nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.nbgrader.leaks import leaks_in, points_of, stray_files
from tests.nbgrader.course import ROOT, TOPIC, Notebook, cell_of, loaded, plain_cell, solution_cells

SOLUTION = loaded(ROOT / "solutions" / TOPIC / f"{TOPIC}.ipynb")
RELEASED = loaded(ROOT / "assignments" / TOPIC / f"{TOPIC}.ipynb")
BODY = solution_cells()["box_iou"].partition("### BEGIN SOLUTION\n")[2].partition("    ### END")[0].splitlines()


def _append(grade_id: str, text: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell = cell_of(notebook, grade_id)
        cell["source"] = "".join(cell["source"]) + "\n" + text

    return change


def _with(grade_id: str, **entries: object) -> Callable[[Notebook], None]:
    return lambda notebook: cell_of(notebook, grade_id).update(entries)


PLANTED: dict[str, tuple[Callable[[Notebook], None], str]] = {
    "a marker": (_append("box_iou", "    ### END SOLUTION"), "marker"),
    "a marker with a typing error": (_append("box_iou", "    ### BEGN SOLUTION"), "marker"),
    "a hidden test": (_append("test_box_iou", "### BEGIN HIDDEN TESTS"), "marker"),
    "one line of the answer in its own cell": (_append("box_iou", BODY[-1]), "a line of the solution"),
    "the answer in another cell": (_append("test_box_iou", "\n".join(BODY)), "solution of box_iou"),
    "three lines, indented and commented otherwise": (
        _append("about_box_iou", "\n\n".join(f"  {line.strip()}  # so" for line in BODY[-4:-1])),
        "solution of box_iou",
    ),
    "an answer of one line": (
        _append("closing", "COCO_IOU_THRESHOLDS = tuple(i / 100 for i in range(50, 100, 5))"),
        "solution of mean_average_precision",
    ),
    "a cell without an id": (lambda notebook: notebook["cells"].append(plain_cell("\n".join(BODY))), "cell number"),
    "an output": (_with("setup", outputs=[{"output_type": "stream", "name": "stdout", "text": "0.5"}]), "outputs"),
    "an execution count": (_with("setup", execution_count=3), "outputs"),
    "an attachment": (_with("intro", attachments={"a.png": {"image/png": ""}}), "attachments"),
    "a tag": (lambda notebook: cell_of(notebook, "setup")["metadata"].update(tags=["x"]), "metadata, got tags"),
}


def test_release_leaks_nothing() -> None:
    assert leaks_in(RELEASED, SOLUTION) == []
    assert points_of(RELEASED) == 40
    assert stray_files(ROOT / "solutions" / TOPIC, TOPIC) == []


@pytest.mark.parametrize("name", PLANTED)
def test_planted_leak_is_found(name: str) -> None:
    change, message = PLANTED[name]
    released = copy.deepcopy(RELEASED)
    change(released)
    leaks = leaks_in(released, SOLUTION)
    assert leaks
    assert message in leaks[0]


def test_solution_itself_leaks_in_every_answer() -> None:
    text = " ".join(leaks_in(SOLUTION, SOLUTION))
    for name in solution_cells():
        assert f"cell {name}: " in text


def test_one_common_line_is_no_leak() -> None:
    released = copy.deepcopy(RELEASED)
    _append("test_box_iou", BODY[-1])(released)
    assert leaks_in(released, SOLUTION) == []


def test_stray_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / TOPIC
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    for name in (f"{TOPIC}.ipynb", "answers.py", "old.ipynb", "room.png", f".ipynb_checkpoints/{TOPIC}.ipynb"):
        (folder / name).write_text("")
    (folder / "link.png").symlink_to("/etc/passwd")
    assert [stray.split(":")[0] for stray in stray_files(folder, TOPIC)] == [
        f"{TOPIC}/answers.py",
        f"{TOPIC}/link.png",
        f"{TOPIC}/old.ipynb",
    ]
