"""The language in which hidden checks are written: markers, expectations, the memoised oracle."""

from autograder.checks.expect import (
    ACCEPTED_ERRORS,
    expect_close,
    expect_device,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_object,
    expect_raises,
    expect_tensor,
    expect_true,
    expect_tuple,
)
from autograder.checks.language import (
    call_limit,
    cpu_only,
    exercise,
    forbid,
    hint,
    misconception,
    not_simulated,
    picture,
    points,
)
from autograder.checks.oracle import oracle
from autograder.checks.placement import Runs, expect_placement
from autograder.reports.models import BoxPicture, CurvePicture

__all__ = [
    "ACCEPTED_ERRORS",
    "BoxPicture",
    "CurvePicture",
    "Runs",
    "call_limit",
    "cpu_only",
    "exercise",
    "expect_close",
    "expect_device",
    "expect_equal",
    "expect_item",
    "expect_no_side_effects",
    "expect_number",
    "expect_object",
    "expect_placement",
    "expect_raises",
    "expect_tensor",
    "expect_true",
    "expect_tuple",
    "forbid",
    "hint",
    "misconception",
    "not_simulated",
    "oracle",
    "picture",
    "points",
]
