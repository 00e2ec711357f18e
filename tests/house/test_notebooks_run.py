"""The teacher's notebooks run from top to bottom in a kernel, figures and training included."""

from __future__ import annotations

import tomllib
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
TOPICS = sorted(tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))["topics"])
CELL_S = 300  # no measurement: a cell that hangs should say so


@pytest.mark.parametrize("topic", TOPICS)
def test_the_solution_runs_and_draws(topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # two threads on two busy cores wait for each other
    notebook = nbformat.read(ROOT / "solutions" / topic / f"{topic}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=CELL_S, resources={"metadata": {"path": str(tmp_path)}}).execute()
    figures = [
        cell["id"]
        for cell in notebook.cells
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
    ]
    assert len(figures) >= 3
