"""Notebooks in the repository: no outputs, stable ids, points that agree with course.toml and the checks."""

from __future__ import annotations

import ast
import json
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))
TOPICS = sorted(COURSE["topics"])


def notebook(room: str, topic: str) -> dict[str, Any]:
    content = json.loads((ROOT / room / topic / f"{topic}.ipynb").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("room", ["solutions", "assignments"])
@pytest.mark.parametrize("topic", TOPICS)
def test_no_outputs_and_unique_ids(room: str, topic: str) -> None:
    cells = notebook(room, topic)["cells"]
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert len({cell["id"] for cell in cells}) == len(cells)


@pytest.mark.parametrize("topic", TOPICS)
def test_points_of_the_notebook_are_those_of_the_course(topic: str) -> None:
    graded = [cell["metadata"].get("nbgrader", {}) for cell in notebook("assignments", topic)["cells"]]
    assert sum(cell.get("points", 0) for cell in graded if cell.get("grade")) == COURSE["topics"][topic]["points"]


@pytest.mark.parametrize("topic", TOPICS)
def test_notebooks_import_no_room_of_the_project(topic: str) -> None:
    for cell in notebook("solutions", topic)["cells"]:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"autograder", "reference", "tests", "wrong"}


@pytest.mark.parametrize("topic", TOPICS)
def test_points_of_the_test_cells_are_the_sums_of_the_hidden_checks(topic: str, graded_solution: Any) -> None:
    report = graded_solution(topic)
    expected = {
        cell["metadata"]["nbgrader"]["grade_id"].removeprefix("test_"): cell["metadata"]["nbgrader"]["points"]
        for cell in notebook("assignments", topic)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade")
    }
    actual: dict[str, float] = defaultdict(float)
    for exercise in report.exercises:
        actual[exercise.name] += exercise.max_points
    assert dict(actual) == expected
