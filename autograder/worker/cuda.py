"""CUDA in a worker: switched on after the fork and before the confinement, with numbers that can be reproduced.

The nursery never touches CUDA, for a process that has cannot fork: each worker has a context of its own, and what it
leaves on the GPU goes with it. A worker opens the devices before it gives up its rights; afterwards it can talk to them
only through what is open (the system-call filter lets ``ioctl`` through, which all other workers are refused).
"""

from __future__ import annotations

import os

import torch

NAME = "cuda"


def prepare() -> None:
    """In the process that forks the workers: settings that libraries read when they are loaded."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS may add in another order each time


def start(memory_mib: int) -> None:
    """In a fresh worker: switch CUDA on, cap its memory and make its numbers reproducible.

    Algorithms that PyTorch has only in a non-deterministic form are not refused: some layers have no other
    (``torch.use_deterministic_algorithms`` raises for adaptive pooling and ``nll_loss2d``).

    Args:
        memory_mib: what tensors on the GPU may take; more is ``torch.OutOfMemoryError``.
    """
    use_full_precision()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (memory_mib << 20) / total))
    ones = torch.ones(1, 1, 8, 8, device=NAME)  # load cuBLAS and cuDNN while files can be read
    torch.nn.functional.conv2d(ones, ones[..., :3, :3])
    ones[0, 0] @ ones[0, 0]
    torch.cuda.synchronize()


def use_full_precision() -> None:
    """Switch off TF32 (PyTorch's default for convolutions), which keeps 10 bits of a float32, and tuning by time."""
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
