"""The language in which hidden checks are written: markers, expectations, the memoised oracle."""

from autograder.checks.expect import (
    ACCEPTED_ERRORS,
    expect_close,
    expect_device,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_raises,
    expect_tensor,
    expect_true,
    expect_tuple,
)
from autograder.checks.language import exercise, hint, misconception, picture, points
from autograder.checks.oracle import oracle
from autograder.reports.models import BoxPicture, CurvePicture

__all__ = [
    "ACCEPTED_ERRORS",
    "BoxPicture",
    "CurvePicture",
    "exercise",
    "expect_close",
    "expect_device",
    "expect_equal",
    "expect_item",
    "expect_no_side_effects",
    "expect_number",
    "expect_raises",
    "expect_tensor",
    "expect_true",
    "expect_tuple",
    "hint",
    "misconception",
    "oracle",
    "picture",
    "points",
]
