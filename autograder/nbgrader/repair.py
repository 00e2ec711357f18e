"""The first step of autograding: which cell is what is said by the gradebook, never by the submitted notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course import Course
from autograder.nbgrader.nodes import new_code_cell, new_markdown_cell, node
from autograder.submissions.notebook import read_cells

SCHEMA_VERSION = 3  # of nbgrader's cell metadata


class RepairCells(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Gives every cell the flags and the points of the gradebook, and puts missing graded cells back.

    Of several cells with one id the last one counts, as it does when the code runs; the others, and cells whose id
    nobody knows, become plain cells. Such a notebook would otherwise stop the whole run.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Repair one notebook."""
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            known = _known(gradebook.find_notebook(names["notebook"], names["assignment"]))
        seen: set[str] = set()
        for cell in reversed(nb.cells):
            claimed = cell.metadata.pop("nbgrader", None)
            grade_id = claimed.get("grade_id") if isinstance(claimed, dict) else None
            if grade_id is None:
                continue
            if grade_id in seen or grade_id not in known:
                kind = "there more than once" if grade_id in seen else "not of this assignment"
                self.log.warning("%s: cell %r is %s: now a plain cell", names["student"], grade_id, kind)
                continue
            seen.add(grade_id)
            cell.metadata["nbgrader"] = node(known[grade_id]["metadata"])
        order = self._release_order(names["assignment"])
        for grade_id in order:
            if grade_id in known and grade_id not in seen and known[grade_id]["is_graded"]:
                self.log.warning("%s: cell %r was missing: added", names["student"], grade_id)
                _insert(nb.cells, known[grade_id], order)
        return nb, resources

    def _release_order(self, assignment: str) -> Sequence[str]:
        root = Path(self.parent.parent.coursedir.root)  # this preprocessor's exporter's converter
        return [cell.grade_id for cell in read_cells(Course.find(root).topic(assignment).release) if cell.grade_id]


def _known(notebook: Any) -> dict[str, dict[str, Any]]:
    """Return what the gradebook holds about each cell: its metadata, its source, whether it is graded."""
    known: dict[str, dict[str, Any]] = {}
    for cell in notebook.source_cells:
        metadata = {
            "schema_version": SCHEMA_VERSION,
            "grade_id": cell.name,
            "grade": False,
            "solution": False,
            "task": False,
            "locked": bool(cell.locked),
            "cell_type": cell.cell_type,
            "checksum": cell.checksum,
        }
        known[cell.name] = {"metadata": metadata, "source": cell.source, "is_graded": False}
    for cell in notebook.solution_cells:
        known[cell.name]["metadata"]["solution"] = True
    for cells, flag in ((notebook.grade_cells, "grade"), (notebook.task_cells, "task")):
        for cell in cells:
            known[cell.name]["metadata"].update({flag: True, "points": float(cell.max_score)})
            known[cell.name]["is_graded"] = True
    return known


def _insert(cells: list[Any], item: dict[str, Any], order: Sequence[str]) -> None:
    """Put a graded cell behind the nearest cell that precedes it in the release, else at the beginning."""
    metadata = item["metadata"]
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    before = order[: order.index(metadata["grade_id"])]
    place = next((ids.index(grade_id) + 1 for grade_id in reversed(before) if grade_id in ids), 0)
    new = new_code_cell if metadata["cell_type"] == "code" else new_markdown_cell
    cells.insert(place, new(item["source"], id=f"added-{len(cells) + 1}", metadata={"nbgrader": node(metadata)}))
