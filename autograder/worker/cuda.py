"""CUDA in a worker: switched on after the fork, with numbers that can be reproduced.

The nursery never touches CUDA, for a process that has cannot fork: it does not see the GPU, each worker has a context
of its own, and what it leaves on the GPU goes with it. A worker switches CUDA on when all its rights but system calls
are gone, for CUDA starts threads, and a thread keeps the rights that it was started with. (The system-call filter,
which reaches every thread, lets ``ioctl`` through, which all other workers are refused.)
"""

from __future__ import annotations

import torch

NAME = "cuda"
HIDDEN = {"CUDA_VISIBLE_DEVICES": "", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""The environment of processes that use no GPU: there is none, and who asks does not start the driver to find out."""
SETTINGS = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # without it cuBLAS may add in another order each time


def start(memory_mib: int) -> None:
    """In a fresh worker, with :data:`SETTINGS` in its environment and not :data:`HIDDEN`: switch CUDA on.

    Its memory is capped and its numbers are made reproducible.

    Algorithms that PyTorch has only in a non-deterministic form are not refused: some layers have no other
    (``torch.use_deterministic_algorithms`` raises for adaptive pooling and ``nll_loss2d``).

    Args:
        memory_mib: what tensors on the GPU may take; more is ``torch.OutOfMemoryError``.
    """
    use_full_precision()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (memory_mib << 20) / total))
    ones = torch.ones(1, 1, 8, 8, device=NAME)  # load cuBLAS and cuDNN now: no call of a student's pays for it
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
