"""How a submitted notebook enters nbgrader: as text of cells and their ids, and nothing else of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter

from autograder.nbgrader.nodes import Make, new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from autograder.reports.text import clean_text
from autograder.submissions.notebook import RawCell, UnreadableNotebook, read_cells

SHOWN_CHARS = 200_000  # of one cell, in the copy that staff and students look at; what is graded is the file itself
UNREADABLE = "**The submitted file could not be read as a notebook.** The cells below were added when it was graded."
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


class SubmissionExporter(NotebookExporter):
    """Reads a notebook as the grading engine does, and writes a fresh one.

    Outputs, tags, attachments, widgets, cell ids and the notebook's own metadata stay behind. A file that is no
    notebook becomes one that says so, so that it ends with a grade and with feedback like every other.
    """

    def from_filename(self, filename: str, resources: Any = None, **keywords: Any) -> Any:
        """Convert the notebook in a file."""
        path = Path(filename)
        try:
            if path.is_symlink():
                raise UnreadableNotebook("expected a regular file, got a link")
            cells = [_fresh(cell) for cell in read_cells(path)]
        except (UnreadableNotebook, OSError) as error:
            self.log.warning("%s: %s", path, error)
            cells = [new_markdown_cell(UNREADABLE, id="unreadable")]
        notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
        resources = {**(resources or {}), "metadata": {"name": path.stem, "path": str(path.parent)}}
        convert: Make = self.from_notebook_node
        return convert(notebook, resources=resources, **keywords)


def _fresh(cell: RawCell) -> Any:
    """Return a new cell with the text of a submitted one, and nbgrader's metadata as far as it names the cell."""
    new = {"code": new_code_cell, "markdown": new_markdown_cell}.get(cell.kind, new_raw_cell)
    source = clean_text(cell.source, SHOWN_CHARS)
    if cell.kind != "code":  # a word joiner, which nobody sees, keeps a tag from being one: text stays text
        source = _TAG.sub("<\u2060", source)
    metadata = {"nbgrader": cell.nbgrader} if cell.grade_id else {}
    return new(source, id=f"cell-{cell.number}", metadata=metadata)
