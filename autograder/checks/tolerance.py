"""Named tolerances: how far a right answer may be from the float64 oracle, per dtype, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Tolerance:
    """``|actual - expected| <= atol + rtol * |expected|``, and why that much."""

    rtol: float
    atol: float
    reason: str


EXACT = Tolerance(0.0, 0.0, "integers and booleans are equal or they are not")
FLOAT64 = Tolerance(1e-9, 1e-9, "the order of operations moves a float64 result of a few thousand terms by 1e-12")
FLOAT32 = Tolerance(1e-5, 1e-6, "losses and box arithmetic differ from float64 by at most 3e-6 on a CPU")
FLOAT16 = Tolerance(2e-3, 2e-3, "float16 has 11 significant bits; cross-entropy was off by 4.4e-4")
BFLOAT16 = Tolerance(1e-2, 1e-2, "bfloat16 has 8 significant bits; cross-entropy was off by 3.1e-3")

CPU: dict[torch.dtype, Tolerance] = {
    torch.float64: FLOAT64,
    torch.float32: FLOAT32,
    torch.float16: FLOAT16,
    torch.bfloat16: BFLOAT16,
}


def tolerance_for(dtype: torch.dtype) -> Tolerance:
    """Return the tolerance of results of ``dtype``; integers and booleans must be exact."""
    return CPU.get(dtype, EXACT)
