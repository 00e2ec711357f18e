"""simgpu, a simulated accelerator: tensors that say ``device='simgpu:0'`` and whose data lies in the CPU's memory.

It lets a machine without a GPU find what a GPU would find about *placement*: a ``torch.zeros(n)`` without ``device=``,
a constant left on the CPU, a result returned on the wrong device. Values are the CPU's, bit for bit: the same kernels
run on the same memory in the same layout.

How it works. PyTorch keeps one device type for others ("private use") and lets Python register its kernels. A simulated
tensor is a plain ``torch.Tensor`` whose storage says ``simgpu:0`` and points into a CPU tensor's memory
(:mod:`~autograder.worker.simgpu.memory`). One kernel serves every operator that computes: it checks the devices
(:mod:`~autograder.worker.simgpu.devices`), runs the CPU's kernel on the same memory, and hands the results back as
simulated tensors (:mod:`~autograder.worker.simgpu.kernels`). Views, autograd, hooks and storages need nothing of that:
PyTorch's own code works on these tensors as they are. What Python code expects of a device, ``torch.simgpu`` and random
generators, is in :mod:`~autograder.worker.simgpu.surface` and :mod:`~autograder.worker.simgpu.generators`.

Covered: what a strided CPU tensor can do, and PyTorch's rules about mixing devices.

Not covered, and raising ``NotImplementedError: simgpu: ...``: sparse and quantised tensors, autocast, recurrent cells
(``nn.LSTM``, ``nn.GRU``: off the CPU, PyTorch wants fused kernels for them), ``resize_`` of memory that views share.

Not covered, and silent: ``pin_memory()`` copies and does not pin; a generator of this device is accepted by the CPU's
random functions; numerics, dtypes, limits and random streams are the CPU's where a real GPU has others.

In one process there is one accelerator: a process that uses CUDA does not call :func:`enable`. A process that has
called it may fork at any time; a child of it may not fork again once it has run ``backward()``.
"""

from __future__ import annotations

import torch

from autograder.worker.simgpu import kernels, surface
from autograder.worker.simgpu.memory import NAME, is_simulated, raw, simulated

__all__ = ["NAME", "enable", "is_simulated", "raw", "simulated"]

_libraries: list[torch.library.Library] = []  # a library's kernels live as long as the object


def enable() -> None:
    """Make the device known to PyTorch in this process; a second call does nothing.

    Raises:
        RuntimeError: if another backend has taken PyTorch's one place for private devices.
    """
    if _libraries:
        return
    surface.register_device()
    _libraries.extend(kernels.register())
    surface.adapt_python()
