"""The worker's loop: run a cell, call a function, hand back what came out. It knows no check and no expected value."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, ModuleType, TracebackType
from typing import Any

import torch
from torch import Tensor

from autograder.worker import forbidden, provenance, simgpu, wire

STDOUT_TAIL_CHARS = 8_000  # what a report shows of the output; a flood costs the student time and us nothing
ERROR_CHARS = 500
SHOWN_FRAMES = 4
REHEARSED_CALLS = 20
RANDOM_STATE = "random generator"


class Tail:
    """A text stream that keeps the end of what is written."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, limit: int = STDOUT_TAIL_CHARS) -> None:
        self.limit = limit
        self._kept = ""

    def write(self, text: str) -> int:
        """Keep the end of ``text``."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._kept = (self._kept + text[-self.limit :])[-self.limit :]
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each of ``lines``."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Do nothing; nothing is buffered."""

    def isatty(self) -> bool:
        """Return ``False``."""
        return False

    def writable(self) -> bool:
        """Return ``True``."""
        return True

    def take(self) -> str:
        """Return what was kept since the last call."""
        kept, self._kept = self._kept, ""
        return kept


@dataclass
class Session:
    """The student's namespace and the objects that stay in this process."""

    module: ModuleType = field(default_factory=lambda: ModuleType("__main__"))
    objects: dict[int, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)  # of these files, those that are modules of the checks
    modules: dict[str, ModuleType] = field(default_factory=dict)
    output: Tail = field(default_factory=Tail)
    state_at_start: dict[str, str] = field(default_factory=lambda: _torch_state())

    def handle(self, value: Any) -> wire.HandleRef | None:
        """Keep ``value`` if it is an object that a check may go on working with."""
        if not isinstance(value, torch.nn.Module | torch.optim.Optimizer):
            return None
        number = len(self.objects)
        self.objects[number] = value
        return wire.HandleRef(number, type(value).__name__)

    def object(self, reference: wire.HandleRef) -> Any:
        """Return the object that a handle names."""
        return self.objects[reference.number]


def serve(connection: socket.socket, answer_first: dict[str, Any] | None = None) -> None:
    """Answer requests until the other side closes the connection."""
    session = Session()
    if answer_first is not None:
        wire.send(connection, wire.pack(answer_first, wire.Encoder()))
    while True:
        try:
            request, payload = wire.receive(connection)
        except wire.ConnectionEnded:
            return
        wire.send(connection, answer(session, request, payload))


def answer(session: Session, request: dict[str, Any], payload: bytearray) -> bytes:
    """Return the frame that answers one request; whatever the student's code raises is part of the answer."""
    operation = OPERATIONS[request["op"]]
    tensors, infos = wire.read_tensors(request.pop("tensors"), payload)
    device = request.get("device", "cpu")
    inputs = [_placed(tensor, info, device) for tensor, info in zip(tensors, infos, strict=True)]
    arguments = wire.decode(request.get("args", {"t": []}), inputs, session.object)
    keywords = wire.decode(request.get("kwargs", {"d": []}), inputs, session.object)
    sys.stdout = sys.stderr = session.output
    encoder = wire.Encoder(session.handle, _fetched)
    header: dict[str, Any] = {"seq": request["seq"]}
    start = time.perf_counter_ns()
    try:
        with forbidden.watching(request.get("forbidden", ()), session.files):
            result = operation(session, request, arguments, keywords)
        header["elapsed_ns"] = time.perf_counter_ns() - start
        header.update(status="ok", **{name: encoder.encode(value) for name, value in result.items()})
        frame = wire.pack({**header, **_output(session)}, encoder)
    except BaseException as error:
        header = {"seq": request["seq"], "elapsed_ns": time.perf_counter_ns() - start}
        header.update(status="error", error=_described(error, session), **_output(session))
        frame = wire.pack(header, wire.Encoder())
    return frame


REHEARSAL = """
import torch

def rehearse(a, b):
    c = torch.minimum(a[:, None], b[None, :]).clamp(min=0).prod(-1) / (a.sum(-1)[:, None] + 1)
    order = torch.sort(c[:, 0], descending=True, stable=True).indices
    total = torch.cumsum(c[order, 0] >= 0.5, 0) / torch.arange(1, len(order) + 1, device=a.device)
    values = {i: float(v) for i, v in enumerate(torch.where(total > 0, total, torch.zeros_like(total)))}
    return c, order, {"values": values, "largest": c.flatten().max().item(), "rows": [row.tolist() for row in c]}
"""


def rehearse(device: str = "cpu") -> None:
    """Answer a few requests about nothing.

    A forked process copies every page that it writes to, a few thousand of them in its first calls. A worker that waits
    to be used has the time to do that; the student's first calls have not.
    """
    session = Session()
    answer(session, {"op": "exec", "seq": 0, "tensors": [], "label": "rehearsal", "source": REHEARSAL}, bytearray())
    for number in range(REHEARSED_CALLS):
        encoder = wire.Encoder()
        inputs = torch.ones(4, 4, dtype=torch.float64), torch.ones(3, 4, dtype=torch.float64)
        request = {"op": "call", "seq": number, "name": "rehearse", "device": device, "args": encoder.encode(inputs)}
        frame = wire.pack(request, encoder)
        size, _ = wire.PREFIX.unpack_from(frame)
        start = wire.PREFIX.size + size
        answer(session, wire.read_header(frame[wire.PREFIX.size : start]), bytearray(frame[start:]))


# ---------------------------------------------------------------------------------------------- operations

Operation = Callable[[Session, dict[str, Any], tuple[Any, ...], dict[str, Any]], dict[str, Any]]


def _start(session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Give the student's namespace its name, and write the files that lie beside the submission."""
    name = request["name"]
    session.module.__name__ = name
    session.module.__dict__.update(display=lambda *values, **options: None)
    sys.modules[name] = session.module
    for path, content in zip(request["files"], args, strict=True):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(content.numpy().tobytes())
    sys.path.insert(0, os.getcwd())
    return {}


def _exec(session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Run one cell in the student's namespace, or in a module of its own when the request names one."""
    filename = f"<cell {len(session.files)}>"
    session.files[filename] = request["label"]
    code, ignored = compiled(request["source"], filename)
    module = session.module
    if request.get("module"):
        session.given.add(filename)
        module = session.modules.setdefault(request["module"], ModuleType(request["module"]))
        sys.modules[request["module"]] = module
    exec(code, module.__dict__)
    return {"value": None, "ignored": ignored}


def _value(session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return a module-level value."""
    return {"value": _target(session, request)}


def _call(session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Call a function, a class, or a method of an object that stayed here."""
    target = _target(session, request)
    if not request.get("observe"):
        value, device = target(*args, **kwargs), request.get("device", "cpu")
        if device != "cpu" and isinstance(value, torch.nn.Module):
            given = any(isinstance(argument, torch.nn.Module) for argument in (*args, *kwargs.values()))
            value = value if given else value.to(device)  # what is made of a module stays where that is
        return {"value": value}
    # what an earlier call has changed for good is a side effect too; random numbers may be drawn between two calls
    before = {**session.state_at_start, RANDOM_STATE: _torch_state()[RANDOM_STATE]}
    value = target(*args, **kwargs)
    return {"value": value, "args": args, "kwargs": kwargs, "before": before, "after": _torch_state()}


def _gradients(
    session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Call and return the result with the gradients of its (weighted) sum with respect to the inputs and parameters."""
    weight = kwargs.pop("__weight__", None)
    target = _target(session, request)
    inputs = [a.detach().requires_grad_(a.is_floating_point()) if isinstance(a, Tensor) else a for a in args]
    leaves = [a for a in inputs if isinstance(a, Tensor) and a.requires_grad]
    parameters = dict(target.named_parameters()) if isinstance(target, torch.nn.Module) else {}
    trained = {name: p for name, p in parameters.items() if p.requires_grad}
    with torch.enable_grad():
        value = target(*inputs, **kwargs)
        total = value.sum() if weight is None else (value * weight.to(value.device)).sum()
        found = torch.autograd.grad(total, [*leaves, *trained.values()], allow_unused=True)
    by_name = dict(zip(trained, found[len(leaves) :], strict=True))
    return {"value": value.detach(), "gradients": tuple(found[: len(leaves)]), "parameters": by_name}


def _outline(
    session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Make a module on the meta device and return the shapes of its parameters, buffers and output."""
    with torch.device("meta"):
        module = _target(session, request)(*args, **kwargs)
        parameters = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
        buffers = {name: tuple(buffer.shape) for name, buffer in module.named_buffers()}
        output = None
        if request["input_shape"] is not None:
            output = module.eval()(torch.zeros(request["input_shape"]))
    shape = tuple(output.shape) if isinstance(output, Tensor) else None
    return {"value": {"parameters": parameters, "buffers": buffers, "output": shape}}


def _blame(session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Do once more what was asked, and say which line put a tensor on the wrong device: ``(where, kind, name)``."""
    operation, place = OPERATIONS[request["asked"]], session.module.__dict__
    found = provenance.blamed(
        lambda: operation(session, request, args, kwargs), lambda name: name in session.files, place
    )
    if found is None:
        return {"value": None}
    return {"value": (f"line {found.line} of {session.files[found.filename]}", found.kind, found.name)}


def _state(session: Session, request: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return PyTorch's global state in comparable form."""
    return {"value": _torch_state()}


OPERATIONS: dict[str, Operation] = {
    "start": _start,
    "exec": _exec,
    "value": _value,
    "call": _call,
    "gradients": _gradients,
    "blame": _blame,
    "outline": _outline,
    "state": _state,
}


# ---------------------------------------------------------------------------------------------- inside


def compiled(source: str, filename: str) -> tuple[CodeType, list[str]]:
    """Compile a cell; if it is not Python, leave out its magics and try again.

    Returns:
        The code object and the lines that were left out.

    Raises:
        SyntaxError: if the rest is not Python either.
    """
    try:
        return compile(source, filename, "exec", dont_inherit=True), []
    except SyntaxError:
        kept, ignored = without_magics(source)
        if not ignored:
            raise
        return compile(kept, filename, "exec", dont_inherit=True), ignored


def without_magics(source: str) -> tuple[str, list[str]]:
    """Blank IPython's line magics, shell lines and help lines; a ``%%`` cell of another language is left out whole."""
    lines, ignored = source.split("\n"), []
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[first].startswith("%%"):
        ignored.append(lines[first])
        if lines[first].split()[0] not in PYTHON_CELL_MAGICS:
            return "", ignored
        lines[first] = ""
    for number, line in enumerate(lines):
        text = line.strip()
        if LINE_MAGIC.match(text):
            ignored.append(text)
            lines[number] = line[: len(line) - len(line.lstrip())] + "pass"
    return "\n".join(lines), ignored


LINE_MAGIC = re.compile(r"%{1,2}[A-Za-z_]|!(?!=)|\?{1,2}[\w%*]|[\w.%*]+\?{1,2}$")  # %magic, !shell, ?help, help?
PYTHON_CELL_MAGICS = {"%%time", "%%timeit", "%%capture", "%%prun"}


def _target(session: Session, request: dict[str, Any]) -> Any:
    if request.get("handle") is not None:
        target = session.objects[request["handle"]]
    elif request.get("module"):
        target = session.modules[request["module"]]
    else:
        target = session.module
    name = request.get("name")
    if name is None:
        return target
    if isinstance(target, ModuleType) and name not in target.__dict__:
        raise NameError(f"{name} is not defined")
    return getattr(target, name)


def _placed(tensor: Tensor, info: wire.TensorInfo, device: str) -> Tensor:
    tensor = wire.with_strides(tensor, info)
    if device == simgpu.NAME:
        tensor = simgpu.simulated(tensor)  # its memory is nobody else's: there is nothing to copy
    elif device != "cpu":
        tensor = tensor.to(device)
    return tensor.requires_grad_() if info.requires_grad else tensor


def _fetched(tensor: Tensor) -> Tensor:
    return simgpu.raw(tensor) if simgpu.is_simulated(tensor) else tensor.detach().cpu()


def _torch_state() -> dict[str, str]:
    return {
        "default dtype": str(torch.get_default_dtype()),
        "grad mode": str(torch.is_grad_enabled()),
        "default device": str(torch.get_default_device()),
        RANDOM_STATE: hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest(),
    }


def _output(session: Session) -> dict[str, Any]:
    return {"stdout": _sendable(session.output.take())}


def _described(error: BaseException, session: Session) -> dict[str, Any]:
    names = [kind.__name__ for kind in type(error).__mro__ if kind is not object]
    try:
        text = str(error)[:ERROR_CHARS]
    except BaseException:
        text = "(its message cannot be shown)"
    frames = [frame for frame in _frames(error.__traceback__) if frame[0] in session.files.keys() - session.given]
    if isinstance(error, SyntaxError) and error.filename in session.files:
        text = str(error.msg)[:ERROR_CHARS]
        frames.append((error.filename or "", error.lineno or 0, ""))
    where = ""
    if frames:
        filename, line, _ = frames[-1]
        where = f"line {line} of {session.files[filename]}"
    places = [
        f"line {line} of {session.files[name]}" + (f", in {scope}" if scope else "") for name, line, scope in frames
    ]
    return {
        "names": [_sendable(str(name)[:100]) for name in names[:20]],
        "text": _sendable(text),
        "where": _sendable(where[:200]),
        "traceback": [_sendable(place[:200]) for place in places[-SHOWN_FRAMES:]],
    }


def _sendable(text: str) -> str:
    """Return ``text`` without lone surrogates: half a character is no text to the other side."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _frames(trace: TracebackType | None) -> list[tuple[str, int, str]]:
    return [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in traceback.walk_tb(trace)]
