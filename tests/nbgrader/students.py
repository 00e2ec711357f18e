"""A class of students: what each of them hands in."""

from __future__ import annotations

import copy
from typing import Any

from tests.nbgrader.course import Notebook, cell_of, dumped, filled, plain_cell

FIRST_HALF = ("pixel_accuracy", "box_iou", "match_detections")
FORGED_OUTPUT: dict[str, Any] = {
    "output_type": "execute_result",
    "data": {"text/plain": "40.0", "text/html": "<script>alert('forged')</script>"},
    "execution_count": 1,
    "metadata": {},
}


def without_clamp(notebook: Notebook) -> None:
    """The classic mistake of box_iou: two negative sides make a positive area."""
    cell = cell_of(notebook, "box_iou")
    cell["source"] = cell["source"].replace("(bottom_right - top_left).clamp(min=0)", "(bottom_right - top_left)")


def cells_twice(notebook: Notebook) -> None:
    """What copy and paste makes of a test cell and of an answer."""
    for grade_id in ("test_box_iou", "pixel_accuracy"):
        cell = copy.deepcopy(cell_of(notebook, grade_id))
        cell["id"] += "-copy"
        notebook["cells"].append(cell)


def forged(notebook: Notebook) -> None:
    """Nothing solved, but points, flags, versions, tags and outputs as the student would like them."""
    for cell in notebook["cells"]:
        nbgrader = cell["metadata"]["nbgrader"]
        cell["metadata"]["tags"] = ["skip-execution"]
        if nbgrader.get("grade"):
            nbgrader.update(points=40, grade=False, locked=False, solution=True, schema_version=0)
            cell["outputs"] = [FORGED_OUTPUT]
    cell_of(notebook, "test_pixel_accuracy")["metadata"]["nbgrader"] = {"grade_id": "test_pixel_accuracy"}
    cell_of(notebook, "test_box_iou")["metadata"]["nbgrader"]["grade_id"] = "test_of_mine"
    cell_of(notebook, "test_match_detections").update(cell_type="markdown")
    notebook["metadata"] = {"kernelspec": {"name": "evil", "display_name": "evil", "language": "bash"}}


def exits(notebook: Notebook) -> None:
    """The last function ends the process as if all were well."""
    cell_of(notebook, "mean_average_precision")["source"] += "\n\nimport os\nos._exit(0)\n"


def loops(notebook: Notebook) -> None:
    """A loop without an end, which swallows what would stop it, in a cell of the student's own."""
    body = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    notebook["cells"].append(plain_cell(body))


def cells_gone(notebook: Notebook) -> None:
    """An exercise with its tests deleted, and markup of the student's own."""
    gone = {"box_iou", "test_box_iou"}
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["metadata"]["nbgrader"]["grade_id"] not in gone]
    notebook["cells"].append(plain_cell("x < 3 <script>alert('markdown')</script>", "markdown"))
    notebook["cells"].append(plain_cell("<img src=x onerror=alert('raw')>", "raw"))


def shouts(notebook: Notebook) -> None:
    """An exception whose text is markup, and a warning on stderr in a right function."""
    cell_of(notebook, "precision_recall")["source"] += (
        "\n\ndef precision_recall(*args):\n    raise ValueError(\"</pre><script>alert('message')</script>\")\n"
    )
    cell_of(notebook, "pixel_accuracy")["source"] += "\nimport warnings\nwarnings.warn('careful')\n"


CLASS: dict[str, Notebook | bytes] = {
    "perfect": filled(),
    "half": filled(*FIRST_HALF),
    "wrong": filled(change=without_clamp),
    "twice": filled(change=cells_twice),
    "forged": filled("precision_recall", change=forged),
    "exits": filled(change=exits),
    "loops": filled(change=loops),
    "gone": filled(change=cells_gone),
    "shouts": filled(change=shouts),
    "bom": b"\xef\xbb\xbf" + dumped(filled("pixel_accuracy")),
    "garbage": b'{"cells": [',
}
