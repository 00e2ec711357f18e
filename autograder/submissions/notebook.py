"""Reading notebooks as data. Nothing of a student's notebook is believed but the text of its cells and their ids."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.errors import UsageError

MAX_NOTEBOOK_BYTES = 64 << 20
MAX_POINTS = 1e9
SETUP_PREFIX = "setup"  # given cells whose grade id starts so are part of the program; the others draw figures


class UnreadableNotebook(Exception):
    """The file is not a notebook; the message says why."""


@dataclass(frozen=True)
class RawCell:
    """A code cell as it lies in a file."""

    number: int
    kind: str
    source: str
    grade_id: str
    nbgrader: dict[str, Any]


@dataclass(frozen=True)
class ReleasedCell:
    """A code cell of the release: what it is for, and what it was worth."""

    grade_id: str
    role: str  # "setup", "solution", "test", "given"
    source: str
    points: float = 0.0


@dataclass(frozen=True)
class Manifest:
    """The code cells of a release, in order; the only authority on which cell is what."""

    cells: tuple[ReleasedCell, ...]

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read the released notebook.

        Raises:
            UsageError: if it cannot be read.
        """
        found = []
        try:
            cells = read_cells(path)
        except (UnreadableNotebook, OSError) as error:
            raise UsageError(f"{path.name}: {error}.") from error
        for cell in cells:
            if not cell.grade_id or cell.kind != "code":
                continue
            if cell.nbgrader.get("solution"):
                role = "solution"
            elif cell.nbgrader.get("grade"):
                role = "test"
            else:
                role = "setup" if cell.grade_id.startswith(SETUP_PREFIX) else "given"
            points = cell.nbgrader.get("points")
            worth = float(points) if isinstance(points, int | float) and abs(points) < MAX_POINTS else 0.0
            found.append(ReleasedCell(cell.grade_id, role, cell.source, worth))
        return cls(tuple(found))

    def having(self, role: str) -> tuple[ReleasedCell, ...]:
        """Return the cells of one role, in order."""
        return tuple(cell for cell in self.cells if cell.role == role)

    def __getitem__(self, grade_id: str) -> ReleasedCell:
        return next(cell for cell in self.cells if cell.grade_id == grade_id)

    def __contains__(self, grade_id: str) -> bool:
        return any(cell.grade_id == grade_id for cell in self.cells)


def read_cells(path: Path) -> list[RawCell]:
    """Return the cells of a notebook file, numbered from 1, of any nbformat that can be converted.

    Raises:
        UnreadableNotebook: if the file is too large, is not JSON, or is not a notebook.
    """
    return cells_of(read_capped(path, MAX_NOTEBOOK_BYTES))


def read_capped(path: Path, limit: int) -> bytes:
    """Return what is in a file, if it is not larger than ``limit`` bytes.

    Raises:
        UnreadableNotebook: if it is larger.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
        size = os.fstat(file.fileno()).st_size
    if len(content) > limit:
        raise UnreadableNotebook(f"expected at most {limit >> 20} MiB, got {size >> 20} MiB")
    return content


def cells_of(data: bytes) -> list[RawCell]:
    """Return the cells of a notebook file's content.

    Raises:
        UnreadableNotebook: if it is not JSON, or is not a notebook.
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        what = f": {error}" if data.strip() else " an empty file"
        raise UnreadableNotebook(f"expected JSON, got{what}") from error
    if not isinstance(content, dict):
        raise UnreadableNotebook("expected a notebook, got another JSON value")
    if content.get("nbformat") != 4:
        try:
            content = nbformat.convert(nbformat.from_dict(content), 4)  # type: ignore[no-untyped-call]
        except Exception as error:  # nbformat raises whatever a malformed old notebook happens to break
            found = repr(content.get("nbformat"))[:40]
            raise UnreadableNotebook(f"expected a notebook of format 4, got format {found}") from error
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise UnreadableNotebook("expected a list of cells, got none")
    return [_cell(number, cell) for number, cell in enumerate(cells, 1) if isinstance(cell, dict)]


def _cell(number: int, cell: dict[str, Any]) -> RawCell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if not isinstance(nbgrader, dict):
        nbgrader = {}
    grade_id = nbgrader.get("grade_id")
    return RawCell(
        number,
        str(cell.get("cell_type", "")),
        source if isinstance(source, str) else "",
        grade_id if isinstance(grade_id, str) else "",
        nbgrader,
    )
