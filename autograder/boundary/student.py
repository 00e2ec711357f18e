"""``student``: the stand-in for the student's code in a hidden check.

``student.box_iou(boxes1, boxes2)`` calls the function in a confined worker and returns plain tensors and plain data. A
class called in the same way gives a :class:`Handle` whose object stays in the worker. What the student's code raises,
and whatever happens to its process, arrives as a :class:`~autograder.errors.StudentError`.

A student is asked on one device: the tensors of every call are put there first, and a module that a call makes anew is
moved there. :meth:`Student.on` gives the same student on another device.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from autograder.boundary.worker import Answer, Worker
from autograder.errors import (
    HarnessError,
    ProtocolViolation,
    StudentBlocked,
    StudentCrashed,
    StudentError,
    StudentOutOfMemory,
    StudentRaised,
    StudentTimedOut,
)
from autograder.worker import wire
from autograder.worker.wire import HandleRef, Opaque, TensorInfo

STDOUT_TAIL_CHARS = 8_000
MAX_KEPT_BYTES = 3 * wire.MAX_PAYLOAD_BYTES  # of the answers to one check, which are kept until the next
CUDA_ERROR = "CUDA error"
BLAME_CHARS = 200
TIMEOUTS_PER_NAME = 2  # a function that ran out of time twice will not be waited for again
OUT_OF_MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "Cannot allocate memory")


class Cell(Protocol):
    """What the proxy needs to know of a cell of the submission."""

    @property
    def label(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def exercise(self) -> str: ...


@dataclass(frozen=True)
class CallLimits:
    """Wall-clock limits in seconds: of one call, of one cell while loading, of all student code of one submission."""

    call_s: float = 5.0
    cell_s: float = 10.0
    total_s: float = 120.0


@dataclass(frozen=True)
class Call:
    """One answered call: what was asked and what came."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    result: Any


@dataclass(frozen=True)
class Step:
    """One call of a check, answered or not, as placement is judged by it.

    Attributes:
        name: the function, class or method.
        error: what came instead of an answer.
        misplaced: the device of the first tensor of the result that is not where the inputs are, or an empty string.
        request: the operation, its arguments and its header, to ask again.
    """

    name: str
    error: StudentError | None = None
    misplaced: str = ""
    request: tuple[str, tuple[Any, ...], Mapping[str, Any], dict[str, Any]] = ("", (), {}, {})

    @property
    def is_plain_call(self) -> bool:
        """Whether a function was asked with tensors and plain data, and nothing but its result was looked at."""
        operation, args, kwargs, header = self.request
        has_objects = any(isinstance(value, Handle) for value in _leaves((args, dict(kwargs))))
        return operation == "call" and header.keys() == {"name"} and not has_objects


@dataclass(frozen=True)
class Blame:
    """The place in the student's code that put a tensor on the wrong device, as the worker says.

    Attributes:
        where: the line, in words.
        kind: ``made``, ``moved``, ``converted`` or ``constant``.
        name: what did it (``torch.zeros``, ``Tensor.cpu``), or the name of the constant.
    """

    where: str
    kind: str
    name: str


@dataclass(frozen=True)
class Observation:
    """A call together with its arguments and PyTorch's global state as they were left."""

    result: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    state_before: Mapping[str, str]
    state_after: Mapping[str, str]


@dataclass(frozen=True)
class Outline:
    """A module as it is on the meta device, where no tensor has data.

    Attributes:
        parameters: shapes by name, in order.
        buffers: shapes by name, in order.
        output: the shape of the result for an input of the shape that was asked for, if that is one tensor.
    """

    parameters: Mapping[str, tuple[int, ...]]
    buffers: Mapping[str, tuple[int, ...]]
    output: tuple[int, ...] | None = None

    @property
    def num_parameters(self) -> int:
        """How many numbers the parameters hold."""
        return sum(math.prod(shape) for shape in self.parameters.values())


@dataclass(frozen=True)
class Gradients:
    """A call's result and the gradients of its weighted sum."""

    result: Any
    inputs: tuple[Tensor | None, ...]
    parameters: Mapping[str, Tensor | None]


@dataclass(frozen=True)
class CellFailure:
    """A cell that did not run to its end."""

    label: str
    exercise: str
    error: StudentError
    is_fatal: bool

    @property
    def reason(self) -> str:
        """What happened, without the cell's name in front."""
        return str(self.error).removeprefix(f"{self.label}: ")

    @property
    def is_unfinished(self) -> bool:
        """Whether it only says that the student has not filled it yet."""
        return isinstance(self.error, StudentRaised) and "NotImplementedError" in self.error.names


@dataclass
class _Time:
    student_ns: int = 0


@dataclass
class _Log:
    stdout_tail: str = ""
    time: _Time = field(default_factory=_Time)


class Student:
    """The student's module, asked by name.

    Args:
        spawn: gives a fresh confined worker.
        cells: the cells to run, in order, before anything is asked.
        module_name: ``__name__`` of the student's module.
        files: files that lie beside the submission, by relative path.
        limits: wall-clock limits.
        device: where tensors are put.
    """

    def __init__(
        self,
        spawn: Callable[[], Worker],
        cells: Sequence[Cell],
        *,
        module_name: str = "__main__",
        files: Mapping[str, bytes] | None = None,
        limits: CallLimits | None = None,
        device: str = "cpu",
    ) -> None:
        self._spawn = spawn
        self._cells = tuple(cells)
        self._module_name = module_name
        self._files = dict(files or {})
        self._limits = limits or CallLimits()
        self._slowdown = 1.0
        self._call_s = self._limits.call_s
        self._forbidden: list[str] = []
        self._exercise = ""
        self._worker: Worker | None = None
        self._deadline = 0.0
        self._timeouts: dict[str, int] = {}
        self._origins: dict[int, tuple[Tensor, TensorInfo]] = {}  # of this check; it keeps the tensors, so ids stay
        self._kept_bytes = 0  # of them
        self._log = _Log()
        self.device = device
        self.calls: list[Call] = []
        self.steps: list[Step] = []
        self.failures: dict[int, CellFailure] = {}
        self.ignored: list[tuple[str, str]] = []
        self.workers_used = 0

    # ------------------------------------------------------------------ what a check may ask

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self.call(name, *args, **kwargs)

        call.__name__ = name
        return call

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the student's function (or class) ``name``."""
        return self._record(name, args, kwargs, self._ask("call", name, args, kwargs, name=name))

    def blame(self, step: Step) -> Blame | None:
        """Ask the call of ``step`` again, and where its tensor on the wrong device comes from; ``None`` if unknown."""
        operation, args, kwargs, header = step.request
        try:
            answer = self._ask("blame", step.name, args, kwargs, asked=operation, **header)
        except StudentError:
            return None
        found = answer.decode("value")
        if not isinstance(found, tuple) or len(found) != 3 or not all(isinstance(text, str) for text in found):
            return None
        return Blame(*(text[:BLAME_CHARS] for text in found))

    def value(self, name: str) -> Any:
        """Return the student's module-level value ``name``."""
        return self._record(name, (), {}, self._ask("value", name, (), {}, name=name))

    def observe(self, name: str, *args: Any, **kwargs: Any) -> Observation:
        """Call ``name`` and return also its arguments and PyTorch's global state as it left them."""
        answer = self._ask("call", name, args, kwargs, name=name, observe=True)
        result = self._record(name, args, kwargs, answer)
        states = [answer.decode("before"), answer.decode("after")]
        if not all(isinstance(state, dict) for state in states):
            raise ProtocolViolation(f"{name}: the answer is not well formed")
        left, keywords = answer.decode("args"), answer.decode("kwargs")
        return Observation(
            result,
            left if isinstance(left, tuple) else (),
            keywords if isinstance(keywords, dict) else {},
            {str(key): str(value) for key, value in states[0].items()},
            {str(key): str(value) for key, value in states[1].items()},
        )

    def gradients(self, name: str, *args: Any, weight: Tensor | None = None, **kwargs: Any) -> Gradients:
        """Call ``name`` and return the gradients of ``sum(weight * result)`` with respect to its floating inputs."""
        return self._gradients(name, args, kwargs, weight, name=name)

    def outline(self, name: str, *args: Any, input_shape: Sequence[int] | None = None, **kwargs: Any) -> Outline:
        """Make an object of the class ``name`` on the meta device, where large nets cost nothing; return its shapes.

        Args:
            name: the student's class.
            args: arguments of its constructor.
            input_shape: if given, a float32 input of this shape goes through it, in eval mode.
            kwargs: keyword arguments of its constructor.
        """
        shape = None if input_shape is None else list(input_shape)
        answer = self._ask("outline", name, args, kwargs, name=name, input_shape=shape)
        found = self._record(name, args, kwargs, answer)
        entries = found if isinstance(found, dict) else {}
        parameters, buffers, output = (entries.get(key) for key in ("parameters", "buffers", "output"))
        parameters, buffers = _shapes(parameters), _shapes(buffers)
        if parameters is None or buffers is None:
            raise ProtocolViolation(f"{name}: the answer is not well formed")
        return Outline(parameters, buffers, output if _is_shape(output) else None)

    def state(self) -> dict[str, str]:
        """Return the worker's global PyTorch state in comparable form."""
        value = self._ask("state", "state", (), {}).decode("value")
        return {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}

    def define(self, module: str, source: str) -> None:
        """Run ``source``, trusted but not secret, as a module of its own in the worker."""
        self._ask("exec", module, (), {}, label=module, source=source, module=module)

    def helper(self, module: str, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a function of a module that ``define`` has made, with objects of the student's as arguments.

        What goes wrong is said of the exercise: students do not know ``name``.
        """
        what = self._exercise or name
        return self._record(what, args, kwargs, self._ask("call", what, args, kwargs, name=name, module=module))

    def run(self, label: str, source: str) -> None:
        """Run ``source`` in the student's namespace, as one more cell."""
        self._ask("exec", label, (), {}, label=label, source=source)

    def origin_of(self, tensor: Tensor) -> TensorInfo | None:
        """Return where and how a received tensor lived in the worker."""
        known = self._origins.get(id(tensor))
        return known[1] if known is not None else None

    @property
    def stdout_tail(self) -> str:
        """The end of what the student's code has printed."""
        return self._log.stdout_tail

    @property
    def student_seconds(self) -> float:
        """Seconds that the worker says the student's code has taken (advisory: it may lie)."""
        return self._log.time.student_ns / 1e9

    # ------------------------------------------------------------------ the engine's side

    def load(self) -> None:
        """Start a worker and run the cells; cells that fail are remembered in ``failures``, not raised."""
        self._ensure_worker()

    def on(self, device: str, spawn: Callable[[], Worker], slowdown: float = 1.0) -> Student:
        """Return the same student on another device.

        Cells that ended this one's process are not run again there. What is printed there is not kept, for it has been
        printed here; the seconds that the student's code takes are counted together.

        Args:
            device: where tensors are put.
            spawn: gives a fresh worker that has the device.
            slowdown: how many times longer a call may take there.
        """
        limits = CallLimits(self._limits.call_s * slowdown, self._limits.cell_s, self._limits.total_s * slowdown)
        other = Student(
            spawn, self._cells, module_name=self._module_name, files=self._files, limits=limits, device=device
        )
        other.failures = {number: failure for number, failure in self.failures.items() if failure.is_fatal}
        other._slowdown = slowdown
        other._log = _Log(time=self._log.time)
        return other

    def begin_check(self, forbidden: Sequence[str] = (), call_s: float | None = None, exercise: str = "") -> None:
        """Forget the calls of the last check.

        Args:
            forbidden: names of PyTorch's functions that the student's code must not call.
            call_s: the limit of a call, if it is another than usual.
            exercise: what is checked; the name of whatever a helper does.
        """
        self._exercise = exercise
        self._forbidden = list(forbidden)
        self._call_s = self._limits.call_s if call_s is None else call_s * self._slowdown
        self.calls = []
        self.steps = []
        self._origins = {}
        self._kept_bytes = 0

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    # ------------------------------------------------------------------ inside

    def _record(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], answer: Answer) -> Any:
        self._kept_bytes += sum(tensor.nbytes for tensor in answer.tensors)
        if self._kept_bytes > MAX_KEPT_BYTES:
            raise StudentOutOfMemory(f"{name}: returned more than {MAX_KEPT_BYTES >> 20} MiB in one check")
        result = self._wrapped(answer.decode("value"))
        for tensor, info in zip(answer.tensors, answer.infos, strict=True):
            self._origins[id(tensor)] = (tensor, info)
        if self.device != "cpu" and self._has_inputs_there(args, kwargs):
            self._note_misplaced(result)
        self.calls.append(Call(name, args, kwargs, result))
        return result

    def _has_inputs_there(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Return whether the last call had tensors or an object there; what is made of numbers may live anywhere."""
        inputs = _leaves((args, dict(kwargs)))
        return "handle" in self.steps[-1].request[3] or any(isinstance(value, Tensor | Handle) for value in inputs)

    def _note_misplaced(self, result: Any) -> None:
        for value in _leaves(result):
            if isinstance(value, Tensor):
                place = self._origins[id(value)][1].device
                if place.partition(":")[0] != self.device:
                    self.steps[-1] = replace(self.steps[-1], misplaced=place or "a device without a name")
                    return

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, HandleRef):
            return Handle(self, value, self.workers_used)
        if isinstance(value, tuple):
            return tuple(self._wrapped(item) for item in value)
        if isinstance(value, list):
            return [self._wrapped(item) for item in value]
        if isinstance(value, dict):
            return {key: self._wrapped(item) for key, item in value.items()}
        return value

    def _gradients(
        self, what: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], weight: Tensor | None, **target: Any
    ) -> Gradients:
        extra = {} if weight is None else {"__weight__": weight}
        answer = self._ask("gradients", what, args, {**kwargs, **extra}, **target)
        result = self._record(what, args, kwargs, answer)
        inputs, parameters = answer.decode("gradients"), answer.decode("parameters")
        if not isinstance(inputs, tuple) or not isinstance(parameters, dict):
            raise ProtocolViolation(f"{what}: the answer is not well formed")
        return Gradients(result, inputs, parameters)

    def _ask(
        self, operation: str, what: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], **header: Any
    ) -> Answer:
        self.steps.append(Step(what, request=(operation, args, kwargs, header)))
        try:
            return self._answered(operation, what, args, kwargs, header)
        except StudentError as error:
            self.steps[-1] = replace(self.steps[-1], error=error)
            raise

    def _answered(
        self, operation: str, what: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], header: dict[str, Any]
    ) -> Answer:
        if self._timeouts.get(what, 0) >= TIMEOUTS_PER_NAME:
            raise StudentTimedOut(f"{what}: ran out of time {TIMEOUTS_PER_NAME} times before; it was not called again")
        worker = self._ensure_worker()
        timeout_s = min(self._call_s, self._left())
        if self._forbidden and operation in ("call", "gradients"):
            header = {**header, "forbidden": self._forbidden}
        arguments = _unwrapped(args), _unwrapped(dict(kwargs))
        try:
            answer = worker.ask(
                operation, what, timeout_s, args=arguments[0], kwargs=arguments[1], device=self.device, **header
            )
        except StudentTimedOut:
            self._timeouts[what] = self._timeouts.get(what, 0) + 1
            raise
        self._take_output(answer)
        if answer.reply.error is not None:
            if self.device == "cuda" and CUDA_ERROR in answer.reply.error.text:
                worker.kill()  # nothing works any more in that process
            raise self._explained(what, answer)
        return answer

    def _left(self) -> float:
        if not self._deadline:
            self._deadline = time.monotonic() + self._limits.total_s
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise StudentTimedOut(f"the submission used up its {self._limits.total_s:g} s in all")
        return left

    def _ensure_worker(self) -> Worker:
        while self._worker is None or not self._worker.is_alive:
            self._left()
            self._worker = self._spawn()
            self.workers_used += 1
            self._load_into(self._worker)
        return self._worker

    def _load_into(self, worker: Worker) -> None:
        """Run the cells; return early, with a dead worker, when one of them kills it (it will be left out then)."""
        contents = tuple(torch.tensor(bytearray(data), dtype=torch.uint8) for data in self._files.values())
        try:
            started = worker.ask(
                "start", "start", self._limits.cell_s, args=contents, name=self._module_name, files=list(self._files)
            )
        except StudentError as error:
            raise HarnessError(f"the worker did not start: {error}") from error  # no code of the student's has run yet
        if started.reply.error is not None:
            raise HarnessError(f"the files beside the submission cannot be written: {started.reply.error.text}")
        for number, cell in enumerate(self._cells):
            known = self.failures.get(number)
            if known is not None and known.is_fatal:
                continue
            try:
                timeout_s = min(self._limits.cell_s, self._left())
                answer = worker.ask("exec", cell.label, timeout_s, label=cell.label, source=cell.source)
            except StudentError as error:
                self.failures[number] = CellFailure(cell.label, cell.exercise, error, is_fatal=True)
                return
            self._take_output(answer)
            if known is not None:
                continue
            if answer.reply.error is not None:
                self.failures[number] = CellFailure(
                    cell.label, cell.exercise, _raised(cell.label, answer), is_fatal=False
                )
            elif self.workers_used == 1:
                lines = answer.decode("ignored")
                self.ignored += (
                    [(cell.label, str(line)[:200]) for line in lines[:20]] if isinstance(lines, list) else []
                )

    def _take_output(self, answer: Answer) -> None:
        log = self._log
        log.stdout_tail = (log.stdout_tail + answer.reply.stdout)[-STDOUT_TAIL_CHARS:]
        log.time.student_ns += answer.reply.elapsed_ns

    def _explained(self, what: str, answer: Answer) -> StudentError:
        """Return the error of an answer; a missing name is explained by the cell that should have defined it."""
        error = _raised(what, answer)
        if not isinstance(error, StudentRaised) or error.names[0] != "NameError":
            return error
        if error.text != f"{what} is not defined":
            return error
        failed = [failure for failure in self.failures.values() if failure.exercise in (what, "*")]
        if not failed:
            return StudentRaised(what, error.names, f"{error.text}. Its cell is missing, or defines another name.")
        kind = type(failed[-1].error)
        message = f"{what} is not defined, because {failed[-1].label} did not run: {failed[-1].reason}"
        return StudentRaised(what, error.names, message) if kind is StudentRaised else kind(message)


class Handle:
    """An object (a module, an optimizer) that stays in the worker."""

    def __init__(self, student: Student, reference: HandleRef, generation: int) -> None:
        self._student = student
        self.reference = reference
        self._generation = generation
        self.type_name = reference.type_name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object, as in ``module(x)``."""
        return self._do("call", "__call__", args, kwargs)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the object, such as ``state_dict``, ``load_state_dict``, ``train`` or ``eval``."""
        return self._do("call", method, args, kwargs)

    def value(self, attribute: str) -> Any:
        """Return an attribute of the object."""
        return self._do("value", attribute, (), {})

    def gradients(self, *args: Any, weight: Tensor | None = None, **kwargs: Any) -> Gradients:
        """Call the object; return gradients with respect to its floating inputs and its trainable parameters."""
        self._check()
        return self._student._gradients(self.type_name, args, kwargs, weight, handle=self.reference.number)

    def _do(self, operation: str, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self._check()
        what = self.type_name if name == "__call__" else f"{self.type_name}.{name}"
        answer = self._student._ask(operation, what, args, kwargs, handle=self.reference.number, name=name)
        return self._student._record(what, args, kwargs, answer)

    def _check(self) -> None:
        if (
            self._student.workers_used != self._generation
            or self._student._worker is None
            or not self._student._worker.is_alive
        ):
            raise StudentCrashed(f"{self.type_name}: its process has ended, and the object with it")


def _leaves(value: Any) -> Iterator[Any]:
    """Yield what is in nested tuples, lists and dicts."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(type(size) is int for size in value)


def _shapes(value: Any) -> dict[str, tuple[int, ...]] | None:
    """Return a mapping of names to shapes, ``None`` for anything else."""
    is_right = isinstance(value, dict) and all(isinstance(k, str) and _is_shape(v) for k, v in value.items())
    return value if is_right else None


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Handle):
        value._check()
        return value.reference
    if isinstance(value, tuple):
        return tuple(_unwrapped(item) for item in value)
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    return value


def _raised(what: str, answer: Answer) -> StudentError:
    error = answer.reply.error
    assert error is not None
    names = tuple(error.names)
    place = f" ({error.where})" if error.where else ""
    if (
        "MemoryError" in names
        or "OutOfMemoryError" in names
        or ("RuntimeError" in names and any(words in error.text for words in OUT_OF_MEMORY_WORDS))
    ):
        return StudentOutOfMemory(f"{what}: asked for more memory than allowed{place}")
    if names[0] == wire.WireError.__name__:
        return StudentError(f"{what}: returned something that cannot be compared: {error.text}")
    if "PermissionError" in names:
        return StudentBlocked(f"{what}: tried something that is not allowed while grading: {error.text}{place}")
    return StudentRaised(what, names, error.text, error.where)


__all__ = [
    "Blame",
    "Call",
    "CallLimits",
    "CellFailure",
    "Gradients",
    "Handle",
    "Observation",
    "Opaque",
    "Outline",
    "Step",
    "Student",
]
