"""The object that PyTorch's C++ code asks which kind of device this is, and backward passes around it.

PyTorch runs the backward passes of an accelerator in a thread of its own, which would not survive a fork. Here they run
in the thread that asks for them, as the CPU's do: :func:`start_engine` and :func:`run_backward` see to that.

When a hook raises during ``backward()``, PyTorch leaves its C++ functions with the exception still pending in the
interpreter, and on the way asks this object in a function that must not fail. Python code that is called with a pending
exception cannot return normally: the process would be aborted. So :meth:`Guard.type_` takes the pending exception out
of the interpreter and keeps it, and :func:`run_backward` raises it where PyTorch finds that it has lost one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import graph

_pending: list[BaseException] = []  # the last one
_ORDINARY_CALL = {"bytes": b"", "byteorder": "big"}
_run_backward = graph._engine_run_backward


class Guard(torch._C._acc.DeviceGuard):
    """There is one device, and its type is PyTorch's private one."""

    def type_(self) -> Any:
        """Return the device type; called from C++, perhaps with an exception pending."""
        try:
            # a function in C that is called with a pending exception fails, and names that exception as the cause
            int.from_bytes(**_ORDINARY_CALL)  # type: ignore[arg-type]
        except SystemError as error:
            if error.__cause__ is not None:
                _pending[:] = [error.__cause__]
        return torch._C._autograd.DeviceType.PrivateUse1


def start_engine() -> None:
    """Let PyTorch start the threads of its devices while it knows of none."""
    with torch.inference_mode(False), torch.enable_grad():
        torch.autograd.backward(torch.zeros((), device="cpu", requires_grad=True) * 1)


def run_backward(*args: Any, **kwargs: Any) -> Any:
    """Run PyTorch's backward pass in this thread; an exception that it has lost is raised again."""
    _pending.clear()
    try:
        with torch.autograd.set_multithreading_enabled(False):
            return _run_backward(*args, **kwargs)
    except SystemError:
        if not _pending:
            raise
        error = _pending.pop()
    raise error


def adapt_backward() -> None:
    """Let ``Tensor.backward`` and ``torch.autograd.grad`` go through :func:`run_backward`."""
    graph._engine_run_backward = run_backward
    torch.autograd._engine_run_backward = run_backward  # type: ignore[attr-defined]
