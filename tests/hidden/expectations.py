"""What the hidden checks of several topics expect alike."""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.checks import expect_close, expect_tensor

RTOL = 1e-5  # a right answer may be computed in float32, or with an epsilon that the docstring does not exclude
ATOL = 1e-6  # the same, where the right answer is 0


def expect_floats(actual: object, expected: Tensor) -> None:
    """Expect the oracle's values in float64, or in float32: the dtype is a check of its own."""
    tensor = expect_tensor(actual, shape=expected.shape)
    dtype = torch.float32 if tensor.dtype == torch.float32 else torch.float64
    equal_nan = bool(expected.isnan().any())
    expect_close(tensor, expected.double(), dtype=dtype, rtol=RTOL, atol=ATOL, equal_nan=equal_nan)


def expect_rounded(actual: object, expected: Tensor, dtype: torch.dtype) -> None:
    """Expect the oracle's values in exactly ``dtype``; a float64 result may have been computed in float32."""
    if dtype == torch.float64:
        expect_close(actual, expected, dtype=dtype, rtol=RTOL, atol=ATOL)
    else:
        expect_close(actual, expected, dtype=dtype)
