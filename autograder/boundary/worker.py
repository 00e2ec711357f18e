"""One worker as the trusted side sees it: ask, wait with a clock, and end it if in doubt.

The worker may lie; a lie is only a wrong answer. A worker that is late, floods or breaks the protocol is killed and
never used again.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from torch import Tensor

from autograder.errors import (
    HarnessError,
    ProtocolViolation,
    StudentCrashed,
    StudentError,
    StudentOutOfMemory,
    StudentTimedOut,
)
from autograder.worker import wire

WATCH_INTERVAL_S = 0.05  # how often the memory of a worker that computes is looked at
CHUNK = 1 << 20
MAX_COUNT = 1 << 53  # no count of nanoseconds or characters of one submission comes near
PAGE = os.sysconf("SC_PAGE_SIZE")
BASE_MIB = 1024  # what a worker that has imported torch may hold before its own allocations count
Short = Annotated[str, StringConstraints(max_length=2_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ErrorInfo(_Strict):
    """An exception of the student's code, as text."""

    names: Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Field(min_length=1, max_length=20)]
    text: Short
    where: Short
    traceback: Annotated[list[Short], Field(max_length=20)]


STATES = ("before", "after")
VALUES = ("value", "args", "kwargs", "before", "after", "gradients", "parameters", "ignored")


class Reply(_Strict):
    """The header of an answer, checked; values are still in their JSON form."""

    seq: int
    status: Literal["ok", "error"]
    elapsed_ns: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 0
    value: Any = None
    args: Any = None
    kwargs: Any = None
    before: Any = None
    after: Any = None
    gradients: Any = None
    parameters: Any = None
    ignored: Any = None
    layers: Annotated[list[Short], Field(max_length=20)] | None = None
    error: ErrorInfo | None = None
    stdout: Annotated[str, StringConstraints(max_length=20_000)] = ""


def _has_more_fields(value: Any, model: type[_Strict]) -> bool:
    """Return whether there are too many fields to be looked at: the model would note each that it does not know."""
    return isinstance(value, dict) and len(value) > len(model.model_fields)


class Answer:
    """A checked reply with its tensors and values rebuilt.

    Raises:
        WireError: if a value is not well formed.
    """

    def __init__(self, reply: Reply, tensors: list[Tensor], infos: list[wire.TensorInfo]) -> None:
        self.reply = reply
        named: set[int] = set()
        self._values = {name: wire.decode(getattr(reply, name), tensors, named=named) for name in VALUES}
        self.tensors = [tensors[number] for number in sorted(named)]  # what is in no value is not kept
        self.infos = [infos[number] for number in sorted(named)]
        for name in STATES:
            state = self._values[name]
            if isinstance(state, dict) and not all(map(_is_short, (*state, *state.values()))):
                raise wire.WireError("a state has an entry that is not a text")
        lines = self._values["ignored"]
        if isinstance(lines, list) and not all(map(_is_short, lines)):
            raise wire.WireError("a line that was ignored is not a text")

    def decode(self, field: str) -> Any:
        """Return the value of a field of the reply."""
        return self._values[field]


class Worker:
    """A confined process that answers requests in order.

    Attributes:
        is_alive: whether it can be asked.
        was_killed: whether somebody else has ended it: the kernel for want of memory, a person, its nursery's end.
    """

    def __init__(self, connection: socket.socket, pidfd: int, exit_status: Callable[[], int], memory_mib: int) -> None:
        self._connection = connection
        self._pidfd = pidfd
        self._exit_status = exit_status
        self._memory_bytes = (memory_mib + BASE_MIB) << 20
        self._sequence = 0
        self._buffer = bytearray()
        self._look_again_at = 0.0
        self.is_alive = True
        self.was_killed = False

    def confined_with(self, timeout_s: float) -> list[str]:
        """Return the layers of the worker's first frame, which it sends before any student code is there."""
        try:
            answer = self._receive("start", time.monotonic() + timeout_s, timeout_s)
        except StudentError as error:
            raise HarnessError(f"the worker could not be confined: {error}") from error
        if answer.reply.error is not None:
            raise HarnessError(f"the worker could not be confined: {answer.reply.error.text}")
        return answer.reply.layers or []

    def ask(
        self,
        operation: str,
        what: str,
        timeout_s: float,
        *,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        **header: Any,
    ) -> Answer:
        """Send one request and wait for its answer.

        Args:
            operation: a key of :data:`autograder.worker.serve.OPERATIONS`.
            what: the subject of messages, such as the name of the function.
            timeout_s: wall-clock limit in seconds.
            args: positional arguments; tensors and plain data.
            kwargs: keyword arguments.
            header: further fields of the request.

        Raises:
            StudentError: if there is no well-formed answer in time; the worker is gone then.
            HarnessError: if the arguments cannot be sent.
        """
        if not self.is_alive:
            raise HarnessError("a worker that has ended was asked")
        self._sequence += 1
        encoder = wire.Encoder()
        try:
            encoded = {"args": encoder.encode(tuple(args)), "kwargs": encoder.encode(dict(kwargs or {}))}
            request = {"op": operation, "seq": self._sequence, **encoded, **header}
            frame = wire.pack(request, encoder)
        except wire.WireError as error:
            raise HarnessError(f"{what}: its arguments cannot be sent: {error}") from error
        deadline = time.monotonic() + timeout_s
        self._refuse_unasked(what)
        self._send(frame, what, deadline, timeout_s)
        return self._receive(what, deadline, timeout_s)

    def _refuse_unasked(self, what: str) -> None:
        """Refuse an answer that came before the question."""
        try:
            self._connection.setblocking(False)
            data = self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise self._crashed(what)
        self.kill()
        raise ProtocolViolation(f"{what}: its process wrote to the grader without being asked")

    def _send(self, frame: bytes, what: str, deadline: float, timeout_s: float) -> None:
        view = memoryview(frame)
        while view:
            self._watch(what, deadline, timeout_s)
            try:
                view = view[self._connection.send(view[:CHUNK]) :]
            except TimeoutError:
                continue
            except OSError:
                raise self._crashed(what) from None

    def _receive(self, what: str, deadline: float, timeout_s: float) -> Answer:
        self._fill(wire.PREFIX.size, what, deadline, timeout_s)
        header_size, payload_size = wire.PREFIX.unpack_from(self._buffer)
        if header_size > wire.MAX_HEADER_BYTES or payload_size > wire.MAX_PAYLOAD_BYTES:
            self.kill()
            raise ProtocolViolation(f"{what}: the answer is too large")
        start = wire.PREFIX.size + header_size
        self._fill(start + payload_size, what, deadline, timeout_s)
        frame, self._buffer = self._buffer, bytearray()
        try:
            if len(frame) != start + payload_size:
                raise wire.WireError("there is more than one answer")
            fields = wire.read_header(bytes(frame[wire.PREFIX.size : start]))
            tensors, infos = wire.read_tensors(fields.pop("tensors", []), memoryview(frame)[start:])
            if _has_more_fields(fields, Reply) or _has_more_fields(fields.get("error"), ErrorInfo):
                raise wire.WireError("the header has more fields than an answer")
            reply = Reply.model_validate(fields)
            answer = Answer(reply, tensors, infos)
        except (wire.WireError, ValidationError):
            self.kill()
            raise ProtocolViolation(f"{what}: the answer is not well formed") from None
        if reply.seq != self._sequence or (reply.status == "error") != (reply.error is not None):
            self.kill()
            raise ProtocolViolation(f"{what}: the answer does not belong to the question")
        return answer

    def _fill(self, size: int, what: str, deadline: float, timeout_s: float) -> None:
        """Read until ``size`` bytes are there; memory grows with what has come, not with what was announced."""
        while len(self._buffer) < size:
            self._watch(what, deadline, timeout_s)
            try:
                chunk = self._connection.recv(CHUNK)
            except TimeoutError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise self._crashed(what)
            self._buffer += chunk

    def _watch(self, what: str, deadline: float, timeout_s: float) -> None:
        """End the worker if it is late or too large; let the next send or receive wait until it is looked at again."""
        now = time.monotonic()
        if now >= deadline:
            self.kill()
            raise StudentTimedOut(f"{what}: ran for more than {timeout_s:g} s")
        if now >= self._look_again_at:
            self._look_again_at = now + WATCH_INTERVAL_S
            if self._resident_bytes() > self._memory_bytes:
                self.kill()
                raise StudentOutOfMemory(f"{what}: used more memory than allowed")
        self._connection.settimeout(min(deadline - now, WATCH_INTERVAL_S))

    def _resident_bytes(self) -> int:
        """Return the memory that the process holds, 0 if that cannot be read."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/self/fdinfo/{self._pidfd}") as file:
                pid = next((int(line.split()[1]) for line in file if line.startswith("Pid:")), -1)
            if pid > 0:
                with open(f"/proc/{pid}/statm") as file:
                    return int(file.read().split()[1]) * PAGE
        return 0

    def _crashed(self, what: str) -> StudentError:
        # it is ending: let it, so that its status says how
        has_ended, _, _ = select.select([self._pidfd], [], [], 1.0)
        status = self._status_after_end()
        if status == -signal.SIGXCPU:
            return StudentTimedOut(f"{what}: used up its CPU time")
        if status is None or status == -signal.SIGKILL:
            self.was_killed = bool(has_ended)  # and not by us, because it only closed its connection
            return StudentCrashed(f"{what}: its process ended before it answered")
        if status < 0:
            return StudentCrashed(f"{what}: its process was ended by {_signal_name(-status)}")
        return StudentCrashed(f"{what}: its process ended itself with exit code {status} before it answered")

    def kill(self) -> None:
        """End the process and everything it has started; the nursery reaps it."""
        if self.is_alive:
            self.is_alive = False
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._connection.close()
            os.close(self._pidfd)

    def _status_after_end(self) -> int | None:
        """End the process and return its exit status, where the nursery is still there to tell."""
        self.kill()
        with contextlib.suppress(HarnessError):
            return self._exit_status()
        return None


def _is_short(value: Any) -> bool:
    """Return whether ``str`` of it takes no longer than it took to receive it; that of thousands of tensors does."""
    return value is None or isinstance(value, str | int | float)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
