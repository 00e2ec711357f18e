"""A copy of this course in a folder of its own, with nbgrader's own commands, an exchange and students."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from autograder.course import Course
from autograder.reports.models import StaffReport
from autograder.reports.store import read_report

ROOT = Path(__file__).resolve().parents[2]
TOPIC = "metrics"
ROOMS = ("course.toml", "nbgrader_config.py", "solutions", "assignments", "reference", "tests/hidden")
SMALL_LIMITS = {"call_s = ": "call_s = 2.0", "cell_s = ": "cell_s = 3.0", "total_s = ": "total_s = 6.0"}
Notebook = dict[str, Any]


class CopiedCourse:
    """A course in ``folder/course`` whose every trace stays in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "course"
        self.exchange = folder / "exchange"
        self.home = folder / "home"
        for path in (self.root, self.exchange, self.home):
            path.mkdir(parents=True)
        self.exchange.chmod(0o777)
        for room in ROOMS:
            source, target = ROOT / room, self.root / room
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
            else:
                shutil.copy(source, target)
        lines = (self.root / "course.toml").read_text().splitlines()
        short = [next((new for old, new in SMALL_LIMITS.items() if line.startswith(old)), line) for line in lines]
        (self.root / "course.toml").write_text("\n".join(short) + "\n")

    @property
    def course(self) -> Course:
        return Course.read(self.root / "course.toml")

    @property
    def reports(self) -> Path:
        return self.root / "build" / "nbgrader" / TOPIC

    def report(self, student: str) -> StaffReport:
        return read_report(self.reports / student / "report.staff.json")

    def nbgrader(self, *arguments: str, cwd: Path | None = None, status: int = 0) -> str:
        """Run nbgrader's command line, without the user's own settings, and return what it says."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST"))}
        homes = {name: str(self.home) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments, f"--Exchange.root={self.exchange}"],
            cwd=cwd or self.root,
            env={**kept, **homes, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == status, f"nbgrader {' '.join(arguments)}: {done.returncode}\n{done.stderr[-4000:]}"
        return done.stderr

    def grades(self) -> dict[str, Any]:
        """Return what nbgrader's gradebook says about everybody."""
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            return {
                submission.student.id: {
                    "score": submission.score,
                    "penalty": submission.late_submission_penalty,
                    "needs_manual_grade": submission.needs_manual_grade,
                    "cells": {
                        grade.name: [grade.auto_score, grade.needs_manual_grade]
                        for notebook in submission.notebooks
                        for grade in notebook.grades
                    },
                    "comments": {
                        comment.name: comment.auto_comment
                        for notebook in submission.notebooks
                        for comment in notebook.comments
                    },
                }
                for submission in gradebook.find_assignment(TOPIC).submissions
            }

    def hand_in(self, student: str, content: Notebook | bytes) -> None:
        """Put a submission into ``submitted/``, as ``nbgrader collect`` or a learning platform would."""
        folder = self.root / "submitted" / student / TOPIC
        folder.mkdir(parents=True)
        (folder / f"{TOPIC}.ipynb").write_bytes(content if isinstance(content, bytes) else dumped(content))
        (folder / "timestamp.txt").write_text("2024-11-21 10:00:00.000000 UTC")

    def feedback(self, student: str) -> str:
        return (self.root / "feedback" / student / TOPIC / f"{TOPIC}.html").read_text(encoding="utf-8")


def dumped(notebook: Notebook) -> bytes:
    return json.dumps(notebook, indent=1).encode()


def loaded(path: Path) -> Notebook:
    found: Notebook = json.loads(path.read_bytes())
    return found


def cell_of(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def solution_cells() -> dict[str, str]:
    """Return the source of every solution cell of the teacher's notebook, by grade id."""
    cells = loaded(ROOT / "solutions" / TOPIC / f"{TOPIC}.ipynb")["cells"]
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("solution")
    }


def filled(*exercises: str, change: Callable[[Notebook], None] | None = None) -> Notebook:
    """Return the released notebook with these exercises (without any: all) solved as the teacher would."""
    notebook = loaded(ROOT / "assignments" / TOPIC / f"{TOPIC}.ipynb")
    sources = solution_cells()
    for name in exercises or sources:
        cell_of(notebook, name)["source"] = sources[name]
    if change is not None:
        change(notebook)
    return notebook


def plain_cell(source: str, kind: str = "code") -> dict[str, Any]:
    outputs: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "id": "mine", "metadata": {}, "source": source, **outputs}
