"""Markers say what a check is worth; they stack in any order, and the mistake that is written first is tried first."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from autograder.checks import cpu_only, exercise, hint, misconception, not_simulated, picture, points
from autograder.checks.language import CheckSpec, spec_of, title_of
from autograder.reports.example import example_staff_report
from autograder.reports.models import CurvePicture


def wrong() -> int:
    return 1


def other() -> int:
    return 2


def test_a_function_without_markers_has_the_default() -> None:
    def check_x() -> None: ...

    assert spec_of(check_x) == CheckSpec()
    assert spec_of(check_x).points == 0.0


def test_markers_stack() -> None:
    @points(2)
    @exercise("box_iou")
    @hint("Think of boxes that only touch.")
    @misconception("first", wrong)
    @misconception("second", other, of="box_area")
    def check_x() -> None: ...

    spec = spec_of(check_x)
    assert (spec.points, spec.exercise, spec.hint, spec.picture) == (
        2.0,
        "box_iou",
        "Think of boxes that only touch.",
        None,
    )
    assert isinstance(spec.points, float)
    assert [(m.sentence, m.wrong, m.of) for m in spec.misconceptions] == [
        ("first", wrong, None),
        ("second", other, "box_area"),
    ]


def test_a_picture_can_be_added() -> None:
    pictures = [
        check.picture for part in example_staff_report().report.exercises for check in part.checks if check.picture
    ]
    example: Any = pictures[0] if pictures else CurvePicture.model_construct()

    @picture(example)
    def check_x() -> None: ...

    assert spec_of(check_x).picture is example


def test_markers_below_a_wrapper_are_seen() -> None:
    def wrapper(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def run() -> None: ...

        return run

    @wrapper
    @points(3)
    def check_x() -> None: ...

    assert spec_of(check_x).points == 3.0


@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("inf")])
def test_points_are_finite_and_not_negative(value: float) -> None:
    with pytest.raises(ValueError, match="points: expected a number >= 0"):
        points(value)


def test_a_title_is_the_first_line_or_the_name() -> None:
    def check_with_words() -> None:
        """Boxes that do not overlap have IoU 0.

        More.
        """

    def check_boxes_that_touch() -> None: ...

    assert title_of(check_with_words) == "Boxes that do not overlap have IoU 0."
    assert title_of(check_boxes_that_touch) == "boxes that touch"


def test_a_check_says_where_it_does_not_run_and_why() -> None:
    @cpu_only("a wrong index ends a process that uses CUDA")
    @points(1)
    def check_x() -> None: ...

    @points(1)
    @not_simulated("more numbers on the same path")
    def check_y() -> None: ...

    assert (spec_of(check_x).cpu_only, spec_of(check_x).not_simulated, spec_of(check_x).points) == (
        "a wrong index ends a process that uses CUDA",
        "",
        1.0,
    )
    assert (spec_of(check_y).cpu_only, spec_of(check_y).not_simulated, spec_of(check_y).points) == (
        "",
        "more numbers on the same path",
        1.0,
    )
