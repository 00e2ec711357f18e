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


# cuBLAS and cuDNN add in another order and fuse multiplications with additions; TF32 is off. Half precision is
# accumulated in float32 there and is no less exact than on the CPU. docs/devices.md has what was measured on a GPU.
CUDA_FLOAT64 = Tolerance(1e-8, 1e-8, "another order of additions and fused multiply-adds; 4.2e-15 was measured")
CUDA_FLOAT32 = Tolerance(1e-4, 1e-5, "another order of additions and fused multiply-adds; 4.3e-7 was measured")

CUDA: dict[torch.dtype, Tolerance] = {**CPU, torch.float64: CUDA_FLOAT64, torch.float32: CUDA_FLOAT32}


def tolerance_for(dtype: torch.dtype, device: str = "cpu") -> Tolerance:
    """Return the tolerance of results of ``dtype`` computed on ``device``; integers and booleans must be exact.

    The simulated accelerator runs the CPU's kernels: its tolerances are the CPU's.
    """
    return (CUDA if device == "cuda" else CPU).get(dtype, EXACT)
