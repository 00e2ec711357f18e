"""What must not be in a release: solutions, hidden tests, outputs, files of the teacher."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RUN = 3  # so many lines of a solution in a row are a leak wherever they stand; a shorter solution counts as a whole
RUN_CHARS = 24  # a run with fewer characters (one "return x") proves nothing
GIVEN_METADATA = {"nbgrader", "deletable", "editable"}
STRAY_SUFFIXES = {".py", ".pyc", ".ipynb", ".html", ".pt", ".pth", ".pkl", ".db"}
_MARK = re.compile(r"\b(BEGIN|END)\s+(SOLUTION|HIDDEN\s+TESTS?|MARK\s+SCHEME)\b|^\s*##+.*\b(SOLUTION|HIDDEN)\b", re.M)
_BEGIN, _END = re.compile(r"\bBEGIN\s+SOLUTION\b"), re.compile(r"\bEND\s+SOLUTION\b")
_COMMENT = re.compile(r"(^|\s)#(?!#).*$")


def leaks_in(released: Mapping[str, Any], solution: Mapping[str, Any]) -> list[str]:
    """Return what a released notebook gives away, one sentence each.

    Args:
        released: the notebook for the students.
        solution: the teacher's notebook that it was made from.
    """
    regions = dict(_regions(solution))
    runs = {run: grade_id for grade_id, lines in regions.items() for region in lines for run in _runs(region)}
    leaks = []
    for number, cell in enumerate(released["cells"], 1):
        name = _grade_id(cell) or f"number {number}"
        source = _source(cell)
        if cell.get("outputs") or cell.get("execution_count") is not None:
            leaks.append(f"cell {name}: expected no outputs, got some.")
        if extra := sorted(set(cell.get("metadata", {})) - GIVEN_METADATA):
            leaks.append(f"cell {name}: expected only nbgrader's metadata, got {', '.join(extra)}.")
        if cell.get("attachments"):
            leaks.append(f"cell {name}: expected no attachments, got some.")
        if mark := _MARK.search(source):
            leaks.append(f"cell {name}: expected no marker, got {mark.group().strip()!r}.")
        if line := _own_solution_line(cell, source, regions.get(_grade_id(cell), []), solution):
            leaks.append(f"cell {name}: expected a stub, got a line of the solution: {line!r}.")
            continue
        lines = list(filter(None, map(_normal, source.splitlines())))
        for size in range(1, RUN + 1):
            found = next((run for run in _windows(lines, size) if run in runs), None)
            if found:
                leaks.append(f"cell {name}: expected nothing of the solution of {runs[found]}, got {found[0]!r}.")
                break
    return leaks


def stray_files(folder: Path, topic: str) -> list[str]:
    """Return the files of a topic's folder that students must not get, one sentence each."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    strays = []
    for path in files:
        relative = path.relative_to(folder)
        if ".ipynb_checkpoints" in relative.parts or str(relative) == f"{topic}.ipynb":
            continue
        if path.is_symlink() or path.suffix in STRAY_SUFFIXES:
            strays.append(f"{folder.name}/{relative}: expected {topic}.ipynb and data, got a file not for students.")
    return strays


def points_of(released: Mapping[str, Any]) -> float:
    """Return what the graded cells of a notebook are worth together."""
    graded = (cell["metadata"].get("nbgrader", {}) for cell in released["cells"])
    return sum(float(nbgrader.get("points", 0)) for nbgrader in graded if nbgrader.get("grade") or nbgrader.get("task"))


def _regions(notebook: Mapping[str, Any]) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the lines of the solutions of each solution cell, one list per region."""
    for cell in notebook["cells"]:
        if not cell["metadata"].get("nbgrader", {}).get("solution") or cell["cell_type"] != "code":
            continue
        lines = _source(cell).splitlines()
        regions: list[list[str]] = []
        is_inside = False
        for line in lines:
            if _BEGIN.search(line):
                is_inside = True
                regions.append([])
            elif _END.search(line):
                is_inside = False
            elif is_inside and _normal(line):
                regions[-1].append(_normal(line))
        yield _grade_id(cell), regions or [list(filter(None, map(_normal, lines)))]


def _own_solution_line(
    cell: Mapping[str, Any], source: str, regions: list[list[str]], solution: Mapping[str, Any]
) -> str | None:
    """Return a line that should have been cut out of this very cell."""
    original = next((item for item in solution["cells"] if _grade_id(item) == _grade_id(cell)), None)
    if original is None or not regions:
        return None
    cut = {line for region in regions for line in region}
    given = set(map(_normal, _outside(_source(original))))
    return next((line for line in map(_normal, source.splitlines()) if line in cut and line not in given), None)


def _outside(source: str) -> Iterator[str]:
    is_inside = False
    for line in source.splitlines():
        if _BEGIN.search(line):
            is_inside = True
        elif _END.search(line):
            is_inside = False
        elif not is_inside:
            yield line


def _runs(region: list[str]) -> Iterator[tuple[str, ...]]:
    for run in _windows(region, min(RUN, len(region))):
        if sum(map(len, run)) >= RUN_CHARS:
            yield run


def _windows(lines: list[str], size: int) -> Iterator[tuple[str, ...]]:
    if size:
        yield from (tuple(lines[start : start + size]) for start in range(len(lines) - size + 1))


def _normal(line: str) -> str:
    """Return a line without its comment and with single spaces."""
    return " ".join(_COMMENT.sub("", line).split())


def _source(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _grade_id(cell: Mapping[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))
