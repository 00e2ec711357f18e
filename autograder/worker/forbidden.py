"""Functions of PyTorch that the student's code must not call, seen wherever it has them from.

A function mode sees each call of PyTorch's Python interface, through any alias and from inside PyTorch's own modules:
``nn.CrossEntropyLoss()`` calls ``torch.nn.functional.cross_entropy``. The call is not stopped, for code may be prepared
to catch that; when the student's function has returned, the first such call is its error.

Not seen: what PyTorch's C++ code calls (that of ``torch.jit`` too), other threads, and code that switches function
modes off on purpose. SECURITY.md says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch.overrides import TorchFunctionMode, resolve_name


class ForbiddenCall(Exception):
    """The student's code has called what the exercise asks to write oneself."""


class _Watch(TorchFunctionMode):
    def __init__(self, names: Collection[str], files: Mapping[str, str]) -> None:
        super().__init__()
        self._exact = {name for name in names if not name.endswith(".*")}
        self._beginnings = tuple(name[:-1] for name in names if name.endswith(".*"))
        self._files = files
        self._known: dict[Any, str] = {}
        self.first = ""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if not self.first:
            name = self._known.get(func)
            if name is None:
                # what has no public name (`torch._softmax`) is called as the operator that it is
                name = str(resolve_name(func) or f"aten.{getattr(func, '__name__', '')}")
                name = self._known[func] = f"torch.ops.{name}" if name.startswith("aten.") else name
            if name in self._exact or name.startswith(self._beginnings or ("\0",)):
                self.first = name + self._place()
        return func(*args, **(kwargs or {}))

    def _place(self) -> str:
        """Return the line of the student's code that is being run, in words."""
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename not in self._files:
            frame = frame.f_back  # type: ignore[assignment]
        return "" if frame is None else f" (line {frame.f_lineno} of {self._files[frame.f_code.co_filename]})"


@contextmanager
def watching(names: Collection[str], files: Mapping[str, str]) -> Iterator[None]:
    """Raise :class:`ForbiddenCall` at the end if one of ``names`` has been called.

    Args:
        names: as PyTorch resolves them; ``torch.nn.*`` stands for all that begins with ``torch.nn.``.
        files: the names of the student's cells in words, by file name.
    """
    if not names:
        yield
        return
    watch = _Watch(names, files)
    with watch:
        yield
    if watch.first:
        raise ForbiddenCall(f"{watch.first} is not allowed in this exercise: write it yourself")
