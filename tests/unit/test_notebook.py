"""Notebooks are read as data: whatever the file holds, there are cells or one sentence about why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autograder.errors import UsageError
from autograder.submissions.notebook import MAX_NOTEBOOK_BYTES, Manifest, UnreadableNotebook, read_cells
from tests.unit.toy import HALVE, cell, notebook, save


def test_cells_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    whole = notebook()
    whole["cells"].insert(0, "not a cell")
    cells = read_cells(save(tmp_path / "a.ipynb", whole))
    assert [(item.number, item.kind) for item in cells[:2]] == [(2, "markdown"), (3, "code")]
    assert [item.grade_id for item in cells[1:4]] == ["setup", "double", "test_double"]


def test_a_source_may_be_a_list_of_lines(tmp_path: Path) -> None:
    whole = notebook(change=lambda whole: whole["cells"].append(cell(["x = 1\n", 7, "y = 2"])))  # type: ignore[list-item]
    assert read_cells(save(tmp_path / "a.ipynb", whole))[-1].source == "x = 1\ny = 2"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"cell_type": None, "source": None, "metadata": None},
        {"cell_type": ["code"], "source": {"a": 1}, "metadata": []},
        {"cell_type": "code", "source": 5, "metadata": {"nbgrader": 5}},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["double"]}}},
    ],
)
def test_an_odd_cell_is_an_empty_cell(tmp_path: Path, odd: dict[str, Any]) -> None:
    (found,) = read_cells(save(tmp_path / "a.ipynb", {"nbformat": 4, "cells": [odd]}))
    assert (found.source, found.grade_id) == ("", "")
    assert isinstance(found.kind, str)


def test_a_byte_order_mark_is_no_part_of_the_notebook(tmp_path: Path) -> None:
    path = save(tmp_path / "a.ipynb", b"\xef\xbb\xbf" + json.dumps(notebook()).encode())
    assert len(read_cells(path)) == len(notebook()["cells"])


def test_an_old_notebook_is_converted(tmp_path: Path) -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "language": "python",
                        "collapsed": False,
                        "input": [HALVE],
                        "outputs": [],
                        "metadata": {"nbgrader": {"grade_id": "halve", "solution": True}},
                    }
                ],
            }
        ],
    }
    (found,) = read_cells(save(tmp_path / "a.ipynb", old))
    assert (found.grade_id, found.source) == ("halve", HALVE)


UNREADABLE = {
    "nothing": (b"", "expected JSON"),
    "text": (b"def double(x): ...", "expected JSON"),
    "half a notebook": (json.dumps(notebook()).encode()[:200], "expected JSON"),
    "not UTF-8": (b'{"cells": "\xe9"}', "expected JSON"),
    "very deep": (b"[" * 200_000, "expected JSON"),
    "a huge number": (b'{"nbformat": ' + b"9" * 5_000 + b"}", "expected JSON"),
    "a list": (b"[]", "expected a notebook, got another JSON value"),
    "a number": (b"4", "expected a notebook, got another JSON value"),
    "no format": (b"{}", "expected a notebook of format 4"),
    "format 99": (b'{"nbformat": 99, "cells": []}', "expected a notebook of format 4"),
    "a format in words": (b'{"nbformat": "four", "cells": []}', "expected a notebook of format 4"),
    "an old one without worksheets": (b'{"nbformat": 3, "nbformat_minor": 0}', "expected a notebook of format 4"),
    "no cells": (b'{"nbformat": 4}', "expected a list of cells"),
    "cells in a dict": (b'{"nbformat": 4, "cells": {"0": {}}}', "expected a list of cells"),
}


@pytest.mark.parametrize(("content", "why"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_a_notebook_is_said_in_a_sentence(tmp_path: Path, content: bytes, why: str) -> None:
    path = save(tmp_path / "a.ipynb", content)
    with pytest.raises(UnreadableNotebook) as caught:
        read_cells(path)
    assert str(caught.value).startswith(why)
    assert len(str(caught.value)) < 200


def test_a_file_of_70_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    with path.open("wb") as file:
        file.truncate(70 << 20)
    assert path.stat().st_size > MAX_NOTEBOOK_BYTES
    with pytest.raises(UnreadableNotebook, match="expected at most 64 MiB, got 70 MiB"):
        read_cells(path)


def test_the_release_says_which_cell_is_what(tmp_path: Path) -> None:
    manifest = Manifest.read(save(tmp_path / "toy.ipynb", notebook()))
    assert {item.grade_id: item.role for item in manifest.cells} == {
        "setup": "setup",
        "double": "solution",
        "test_double": "test",
        "halve": "solution",
        "test_halve": "test",
        "plot_toy": "given",
    }
    assert [item.grade_id for item in manifest.having("solution")] == ["double", "halve"]
    assert manifest["test_double"].points == 3.0
    assert "halve" in manifest
    assert "quarter" not in manifest


@pytest.mark.parametrize("points", ["many", [1], None, 10**400, float("inf"), float("nan")])
def test_odd_points_are_no_points(tmp_path: Path, points: Any) -> None:
    release = {"nbformat": 4, "cells": [cell("1", "test_double", grade=True, points=points)]}
    assert Manifest.read(save(tmp_path / "toy.ipynb", release)).cells[0].points == 0.0


@pytest.mark.parametrize("content", [b"{", None], ids=["not JSON", "not there"])
def test_a_release_that_cannot_be_read_is_a_usage_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "toy.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"^toy\.ipynb: "):
        Manifest.read(path)
