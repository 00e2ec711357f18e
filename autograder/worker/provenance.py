"""Where a tensor on the wrong device comes from: the line of the student's code that made or moved it.

A function that is called with tensors on an accelerator fails in two ways: it mixes devices and PyTorch raises, or it
returns a tensor that lies on the CPU. Neither the traceback nor the result names the culprit, a ``torch.zeros(n)`` far
above perhaps. So the function is called once more, and every PyTorch function that Python code calls is observed: a CPU
tensor has its origin in the call that made it or moved it there, and what is computed from it inherits that origin.
Origins belong to memory, not to objects: a view, a ``.data`` or a ``Parameter`` of a tensor is the same memory.

Covered: PyTorch's functions and methods, in the student's code and in libraries; ``torch.from_numpy``; tensors that
existed before the call and hang on the student's globals.

Not covered: ``torch.Tensor(...)`` and ``torch.FloatTensor(...)``, which PyTorch shows to nobody, and tensors from
before the call in closures, default arguments and objects that are no global. Their line is the first that uses or
returns them, and their name is *a tensor*. Nothing is seen of what PyTorch calls back from inside one of its functions,
the ``backward`` of an ``autograd.Function`` for one, nor of other threads.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor, overrides
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode, resolve_name

MAX_REMEMBERED = 10_000  # pieces of memory, and values looked at in a container
MAX_CHAINED = 100  # errors raised while another was handled

UNNAMED = "a tensor"

UNSEEN = ("from_numpy", "frombuffer", "from_dlpack")  # functions of torch that a function mode does not see
CONVERSIONS = {"numpy", "__array__"}
WALKED = (Tensor, torch.nn.Module, dict, list, tuple)
INDEXING = {"__getitem__", "__setitem__", "index_put", "index_put_"}  # their second argument may stay on the CPU


@dataclass(frozen=True)
class Blame:
    """A line of the student's code, and what it did.

    Attributes:
        filename: the name that the cell was compiled with.
        line: its number, from 1.
        kind: ``made`` or ``moved`` on the CPU, ``converted`` to NumPy, or ``constant``: a global that lies on the CPU.
        name: what did it, such as ``torch.zeros`` or ``Tensor.cpu``; the name of the global; or ``a tensor``.
    """

    filename: str
    line: int
    kind: str
    name: str


def blamed(call: Callable[[], Any], is_students: Callable[[str], bool], namespace: Mapping[str, Any]) -> Blame | None:
    """Call once more, and say where the tensor that is on the wrong device comes from.

    Args:
        call: what has failed; whatever it raises now, except ``KeyboardInterrupt``, goes no further.
        is_students: whether a code object's file name is that of a cell.
        namespace: the student's globals.

    Returns:
        For a call that raises, the origin of the CPU tensor in the operation that raised; for one that returns, that of
        the first CPU tensor in the result. ``None`` if there is no such tensor, or nothing is known about it.
    """
    recorder = _Recorder(is_students)
    try:
        recorder.learn_globals(namespace)
        with recorder.listening():
            result = call()
        return recorder.origin_in(result)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return recorder.blame_for(error)


class _Recorder(TorchFunctionMode):
    """Remembers, for memory on the CPU, which line it comes from."""

    def __init__(self, is_students: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_students = is_students
        self._origins: dict[StorageWeakRef, Blame] = {}  # a weak reference keeps the address, not the memory
        self._globals: dict[StorageWeakRef, str] = {}
        self._named: dict[int, Tensor] = {}  # the globals themselves by identity, others may share their memory
        self._failure: tuple[BaseException, Blame] | None = None

    def learn_globals(self, namespace: Mapping[str, Any]) -> None:
        """Remember the CPU tensors that hang on the student's globals."""
        for name, value in list(namespace.items()):
            with _unobserved():
                for tensor in _on_cpu(value):
                    self._globals.setdefault(_memory(tensor), name)
                    self._named[id(tensor)] = tensor

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Observe PyTorch's functions, the few that it hides, and what the student's functions return."""
        hidden = {name: getattr(torch, name) for name in UNSEEN}
        profile = sys.getprofile()
        try:
            for name, function in hidden.items():
                setattr(torch, name, self._observed(function, f"torch.{name}"))
            with self:
                sys.setprofile(
                    lambda frame, event, value: (
                        self._meet(value, frame)
                        if event == "return" and self._is_students(frame.f_code.co_filename)
                        else None
                    )
                )
                yield
        finally:
            sys.setprofile(profile)
            while self in overrides._get_current_function_mode_stack():  # type: ignore[no-untyped-call]
                overrides._pop_mode()  # type: ignore[no-untyped-call]  # the student has entered one and not left it
            for name, function in hidden.items():
                setattr(torch, name, function)

    def origin_in(self, result: Any) -> Blame | None:
        """Return the origin of the first CPU tensor in a result."""
        return next((self._origins.get(_memory(tensor)) for tensor in _on_cpu(result)), None)

    def blame_for(self, error: BaseException) -> Blame | None:
        """Return the origin behind ``error`` if it, or what led to it, is the failure that was observed last."""
        current: BaseException | None = error
        with suppress(Exception):
            for _ in range(MAX_CHAINED):
                if self._failure is None or current is None:
                    break
                if current is self._failure[0]:
                    return self._failure[1]
                current = current.__cause__ or current.__context__
        return None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        frame, arguments = sys._getframe(1), [*args, *(kwargs or {}).values()]
        self._meet(arguments, frame)
        try:
            result = func(*args, **(kwargs or {}))
        except BaseException as error:
            with _unobserved():
                cause = self._cause(func, arguments, frame)
                self._failure = self._failure if cause is None else (error, cause)
            raise
        with _unobserved():
            self._note_result(func, arguments, result, frame)
        return result

    def _observed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def observed(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            with _unobserved():
                self._remember(result, self._here(sys._getframe(1), "made", name))
            return result

        return observed

    def _meet(self, value: Any, frame: FrameType) -> None:
        """Give an origin to CPU tensors that nobody has seen before, and to globals wherever they are used."""
        with _unobserved():
            for tensor in _on_cpu(value):
                if id(tensor) in self._named or _memory(tensor) not in self._origins:
                    name = self._globals.get(_memory(tensor))
                    here = self._here(frame, "constant", name) if name else self._here(frame, "made", UNNAMED)
                    self._remember(tensor, here)

    def _note_result(self, func: Callable[..., Any], arguments: Sequence[Any], result: Any, frame: FrameType) -> None:
        """Give an origin to new memory on the CPU: that of the arguments, or this line."""
        for tensor in _on_cpu(result):
            if _memory(tensor) in self._origins:
                continue
            if _moves(func, arguments):
                self._remember(tensor, self._here(frame, "moved", _name(func)))
            else:
                inherited = self._first_origin(func, arguments)
                self._remember(tensor, inherited or self._here(frame, "made", _name(func)))

    def _cause(self, func: Callable[..., Any], arguments: Sequence[Any], frame: FrameType) -> Blame | None:
        """Return what is to blame for an error that ``func`` has raised, if devices may be the reason."""
        if not any(not tensor.is_cpu for tensor in _tensors(arguments)):
            return None
        if _short_name(func) in CONVERSIONS:
            return self._here(frame, "converted", _name(func))
        origin = self._first_origin(func, arguments)
        if origin is not None and origin.kind == "constant":
            return self._here(frame, "constant", origin.name)
        return origin

    def _first_origin(self, func: Callable[..., Any], arguments: Sequence[Any]) -> Blame | None:
        """Return the origin of the first CPU argument that decides about the device: a number decides only alone."""
        if _short_name(func) in INDEXING and isinstance(arguments[0], Tensor) and not arguments[0].is_cpu:
            arguments = arguments[2:]
        suspects = sorted(_on_cpu(arguments), key=lambda tensor: tensor.dim() == 0)
        origins = (self._origins.get(_memory(tensor)) for tensor in suspects)
        return next((origin for origin in origins if origin is not None), None)

    def _remember(self, tensor: Tensor, origin: Blame | None) -> None:
        if len(self._origins) >= MAX_REMEMBERED:
            alive = {memory: known for memory, known in self._origins.items() if not memory.expired()}  # type: ignore[no-untyped-call]
            self._origins = alive
        if origin is not None and len(self._origins) < MAX_REMEMBERED:
            self._origins[_memory(tensor)] = origin

    def _here(self, frame: FrameType, kind: str, name: str) -> Blame | None:
        """Return the line of the innermost frame that runs the student's code.

        What a library's constructor makes is named after its class: the student has written ``nn.Linear``.
        """
        current: FrameType | None = frame
        while current is not None:
            code = current.f_code
            if self._is_students(code.co_filename):
                return Blame(code.co_filename, current.f_lineno, kind, name)
            if kind == "made" and code.co_name == "__init__":
                name = type(current.f_locals[code.co_varnames[0]]).__name__
            current = current.f_back
        return None


@contextmanager
def _unobserved() -> Iterator[None]:
    """Look at tensors without being observed oneself, and without ever failing."""
    with suppress(Exception), torch._C.DisableTorchFunction():
        yield


def _moves(func: Callable[..., Any], arguments: Sequence[Any]) -> bool:
    """Return whether ``func``, whose result is on the CPU, was given its values on another device."""
    name = _short_name(func)
    is_factory = name.startswith("new_") or name.endswith("_like")
    return not is_factory and bool(arguments) and isinstance(arguments[0], Tensor) and not arguments[0].is_cpu


def _on_cpu(value: Any) -> list[Tensor]:
    return [tensor for tensor in _tensors(value) if tensor.is_cpu]


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested containers and modules, in order, as far as they are not too many."""
    waiting = [value]
    for _ in range(MAX_REMEMBERED):
        if not waiting:
            return
        item = waiting.pop()
        if isinstance(item, Tensor):
            yield item
            continue
        if isinstance(item, torch.nn.Module):
            item = vars(item)
        inside = item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()
        waiting += [part for part in reversed(list(inside)) if isinstance(part, WALKED)]


def _memory(tensor: Tensor) -> StorageWeakRef:
    """Return what stands for a tensor's memory: it is equal for all that share it.

    Raises:
        NotImplementedError: if it has none of its own, as a sparse tensor.
    """
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]


def _name(func: Callable[..., Any]) -> str:
    name = resolve_name(func) or _short_name(func)
    return str(name).replace("torch.Tensor.", "Tensor.")


def _short_name(func: Callable[..., Any]) -> str:
    return str(getattr(func, "__name__", ""))
