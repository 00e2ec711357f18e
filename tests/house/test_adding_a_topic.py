"""``docs/adding-a-topic.md``, followed literally: files written, cells made, commands run, what they print compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "adding-a-topic.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\w+)=(\S+?))?(?: points=(\d+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NOT_COPIED = shutil.ignore_patterns(".*", "build", "__pycache__", "*.egg-info")


def metadata(name: str, points: str) -> dict[str, object]:
    """Return what nbgrader's panel writes into a cell of the kind that the name says."""
    flags = {"schema_version": 3, "task": False, "grade_id": name}
    if points:
        return {**flags, "grade": True, "solution": False, "locked": True, "points": float(points)}
    is_exercise = any(other == f"test_{name}" for _, _, other, _, _ in BLOCKS)
    return {**flags, "grade": False, "solution": is_exercise, "locked": not is_exercise}


def make_notebook(path: Path) -> None:
    """Write the notebook of the page's cells, as JupyterLab would."""
    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    for language, kind, name, points, text in BLOCKS:
        if kind == "cell":
            make = nbformat.v4.new_markdown_cell if language == "markdown" else nbformat.v4.new_code_cell
            cell = make(text.rstrip("\n"), metadata={"nbgrader": metadata(name, points)})  # type: ignore[no-untyped-call]
            cell["id"] = name.replace("_", "-")
            notebook.cells.append(cell)
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Follow the page in a copy of the project, and return what each command has printed."""
    root = tmp_path_factory.mktemp("author") / "course"
    shutil.copytree(ROOT, root, ignore=NOT_COPIED)
    found = {}
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(root.parent),
        "OMP_NUM_THREADS": "1",
    }
    for language, kind, name, _, text in BLOCKS:
        if kind in ("file", "append"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("a" if kind == "append" else "x", encoding="utf-8") as file:
                file.write(text)
        if language == "console":
            if "release" in text:
                make_notebook(root / "solutions" / "smoothing" / "smoothing.ipynb")
            for command in text.splitlines():
                run = subprocess.run(
                    command, shell=True, cwd=root, env=environment, capture_output=True, text=True, check=False
                )
                assert run.returncode == 0, f"$ {command}\n{run.stdout}{run.stderr}"
                found[command] = run.stdout
    return found


def test_every_command_of_the_page_ends_well(printed: dict[str, str]) -> None:
    assert any("prove" in command for command in printed)
    assert "6 passed" in next(text for command, text in printed.items() if "test_smoothing" in command)
    assert "failed" not in "".join(printed.values())


def test_the_proof_is_the_one_on_the_page(printed: dict[str, str]) -> None:
    (expected,) = [text for language, _, _, _, text in BLOCKS if language == "text"]
    assert printed["python -m tests.graders.prove smoothing"].strip() == expected.strip()


def test_the_class_of_the_page_earns_what_it_states(printed: dict[str, str]) -> None:
    (graded,) = [text for command, text in printed.items() if command.startswith("autograder grade")]
    assert graded.splitlines()[:2] == ["alice\t4/4\t100.0 %", "untouched\t0/4\t0.0 %"]
