"""The object that PyTorch's C++ code asks which kind of device this is, and exceptions that must survive the question.

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


def run_backward(*args: Any, **kwargs: Any) -> Any:
    """Run PyTorch's backward pass; an exception that it has lost is raised again."""
    _pending.clear()
    try:
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
