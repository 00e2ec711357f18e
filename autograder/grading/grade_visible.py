"""The student's own checks: every visible test cell of the notebook, run by the same engine as the hidden checks."""

from __future__ import annotations

import pytest

from autograder.boundary.student import Student
from autograder.checks import expect_true
from autograder.grading.visible import VisibleCell, cells


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one check of each visible test cell."""
    found = cells.get()
    metafunc.parametrize("visible_cell", found, ids=[cell.label for cell in found])


def check_visible(student: Student, visible_cell: VisibleCell) -> None:
    """The visible tests pass."""
    student.run(visible_cell.label, visible_cell.source)
    expect_true(True, "the visible tests ran to their end")
