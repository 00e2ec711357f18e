"""Starts the nursery and gets confined workers from it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from autograder.boundary.ending import has_ended
from autograder.boundary.installation import Installation
from autograder.boundary.worker import Worker
from autograder.errors import HarnessError, NurseryGone, SandboxUnavailable
from autograder.worker.confinement import Limits
from autograder.worker.cuda import HIDDEN

ALL_LAYERS = ("namespaces", "uid", "capabilities", "rlimits", "landlock", "seccomp")
START_TIMEOUT_S = 120.0  # importing torch from a cold disk on a loaded machine
SPAWN_TIMEOUT_S = 20.0  # a fork takes milliseconds; a machine that swaps takes seconds
CLOSE_TIMEOUT_S = 30.0  # it removes scratch folders, which students may have filled
STOP_TIMEOUT_S = 5.0
MAX_MESSAGE = 1 << 20
USER = {"USER": "nursery"}  # packages ask for the name (torch._dynamo does), and there are no accounts in there
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
INSTALL_HINTS = {
    "namespaces": "allow user namespaces (sysctl user.max_user_namespaces > 0), or start as root",
    "uid": "start as root, or leave 'uid' out: an ordinary user has no other identity to change to",
    "landlock": "use Linux >= 5.13 with Landlock in the list of security modules (lsm=)",
    "seccomp": "use x86_64 or aarch64",
}


@dataclass(frozen=True)
class SandboxSettings:
    """Which layers to set up, and which of them must be there for grading to go on."""

    wanted: tuple[str, ...] = ALL_LAYERS
    required: tuple[str, ...] = ("capabilities", "rlimits", "landlock", "seccomp")


class _Forks:
    """What the nursery and its branches share: a control connection over which workers are ordered.

    Attributes:
        limits: of every worker.
        layers: that every worker must have.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.layers: tuple[str, ...] = ()
        self._control: socket.socket | None = None
        self._spare: socket.socket | None = None
        self._answers: deque[tuple[dict[str, Any], list[int]]] = deque()

    def spawn(self) -> Worker:
        """Return a confined worker, and have the next one forked while this one works.

        Raises:
            HarnessError: if the nursery is gone or the worker could not be confined.
        """
        connection = self._spare or self._order()
        self._spare = None
        try:
            answer, descriptors = self._receive(SPAWN_TIMEOUT_S)
            if "pid" not in answer or len(descriptors) != 1:
                raise HarnessError("the nursery did not fork a worker")
        except HarnessError:
            connection.close()
            raise
        pid, control = int(answer["pid"]), self._control
        worker = Worker(connection, descriptors[0], lambda: self._exit_status(pid, control), self.limits.memory_mib)
        try:
            self._spare = self._order()
            layers = tuple(worker.confined_with(SPAWN_TIMEOUT_S))
            if layers != self.layers:
                raise HarnessError(f"the worker was not confined: expected {self.layers}, got {layers}")
        except HarnessError:
            worker.kill()
            raise
        return worker

    def _order(self) -> socket.socket:
        """Ask for a worker without waiting for it; return our end of its connection."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._send({"op": "spawn", "limits": asdict(self.limits)}, theirs.fileno())
            except HarnessError:
                ours.close()
                raise
        return ours

    def _exit_status(self, pid: int, control: socket.socket | None) -> int:
        if self._control is not control:
            raise HarnessError("the nursery of this worker is gone")
        self._send({"op": "reap", "pid": pid})
        answer, descriptors = self._receive(SPAWN_TIMEOUT_S)
        if "pid" in answer:  # the answer to the standing order came first: keep it for the next spawn
            self._answers.append((answer, descriptors))
            answer, _ = self._receive(SPAWN_TIMEOUT_S, is_fresh=True)
        return int(answer["status"])

    def _send(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        if self._control is None:
            raise HarnessError("the nursery is not started")
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], [] if descriptor is None else [descriptor])
        except OSError as error:
            raise NurseryGone(f"the nursery is gone: {error}") from error

    def _receive(self, timeout_s: float, is_fresh: bool = False) -> tuple[dict[str, Any], list[int]]:
        if self._control is None:
            raise HarnessError("the nursery is not started")
        if self._answers and not is_fresh:
            return self._answers.popleft()
        ready, _, _ = select.select([self._control], [], [], timeout_s)
        if not ready:  # a late answer would be taken for that to the next question
            self.stop()
            raise HarnessError(f"the nursery did not answer within {timeout_s:g} s")
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, 1)
        except OSError as error:
            raise NurseryGone(f"the nursery is gone: {error}") from error
        if not message:
            raise NurseryGone("the nursery is gone")
        answer = json.loads(message)
        assert isinstance(answer, dict)
        return answer, descriptors

    def stop(self) -> None:
        """Close the connection, and what has been ordered and was not handed out."""
        for connection in (self._control, self._spare):
            if connection is not None:
                connection.close()
        self._control = self._spare = None
        for _, descriptors in self._answers:
            for descriptor in descriptors:
                os.close(descriptor)
        self._answers.clear()


class Nursery(_Forks):
    """A warm process that forks workers; a context manager that ends it and all of them."""

    def __init__(
        self,
        readable: Installation,
        limits: Limits,
        sandbox: SandboxSettings | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        super().__init__(limits)
        self.sandbox = sandbox or SandboxSettings()
        self.versions: dict[str, str] = {}
        self._settings = {
            "readable": list(readable.readable),
            "gpu_files": list(readable.gpu_files),
            "masked": list(readable.masked),
            "listable": list(readable.listable),
            "layers": list(self.sandbox.wanted),
            "preload": list(preload),
            "scratch_root": tempfile.gettempdir(),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            SandboxUnavailable: if a required layer is missing; the message says what to do.
            HarnessError: if it does not start.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-m", "autograder.worker.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"PATH": os.defpath, "LANG": "C.UTF-8", **USER, **THREADS, **HIDDEN},
                start_new_session=True,
            )
        self._control = ours
        try:
            self._send(self._settings)
            answer, _ = self._receive(START_TIMEOUT_S)
            if "ready" not in answer:
                raise HarnessError(f"the nursery did not start: {answer.get('failed')}\n{answer.get('trace', '')}")
            self.layers = tuple(answer["ready"])
            self.versions = dict(answer["versions"])
            self._refuse_if_weaker()
            self._try()
        except BaseException:
            self.stop()
            raise

    def _refuse_if_weaker(self) -> None:
        missing = [name for name in self.sandbox.required if name not in self.layers]
        if missing:
            how = "; ".join(INSTALL_HINTS.get(name, "see SECURITY.md") for name in missing)
            raise SandboxUnavailable(
                f"cannot confine the worker: expected the layers {', '.join(self.sandbox.required)}, "
                f"got no {', '.join(missing)}. To have it: {how}."
            )

    def _try(self) -> None:
        """Confine one worker now, so that what cannot work is said once and before anything is graded."""
        try:
            self.spawn().kill()
        except NurseryGone:  # that was not the confinement
            raise
        except HarnessError as error:
            raise SandboxUnavailable(
                f"cannot confine the worker: {error}. "
                "Where there are no namespaces, everybody must be able to read the Python installation "
                f"and to enter the folder for temporary files ({self._settings['scratch_root']})."
            ) from error

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def fork_branch(self, device: str, descriptor: int) -> int:
        """Fork a branch that serves the socket ``descriptor``; return its pidfd.

        Raises:
            HarnessError: if the nursery is gone.
        """
        self._send({"op": "branch", "device": device}, descriptor)
        while True:
            answer, descriptors = self._receive(SPAWN_TIMEOUT_S, is_fresh=True)
            if "branch" in answer and len(descriptors) == 1:
                return descriptors[0]
            if "pid" not in answer:
                raise HarnessError("the nursery did not fork a branch")
            self._answers.append((answer, descriptors))  # the worker that was ordered before

    def stop(self) -> None:
        """End the process: close the control socket, wait, terminate, wait, kill."""
        super().stop()
        if self._process is None:
            return
        process, self._process = self._process, None
        if not has_ended(process, CLOSE_TIMEOUT_S, STOP_TIMEOUT_S):
            raise HarnessError("the nursery does not end")


class Branch(_Forks):
    """A child of the nursery that has an accelerator switched on before it forks its workers.

    Args:
        nursery: it must be started when the branch is, and ends the branch when it ends.
        device: the accelerator, a key of :data:`autograder.worker.nursery.ACCELERATORS`.
    """

    def __init__(self, nursery: Nursery, device: str) -> None:
        super().__init__(nursery.limits)
        self.device = device
        self._nursery = nursery
        self._pidfd = -1

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._pidfd >= 0 and not select.select([self._pidfd], [], [], 0)[0]

    def start(self) -> None:
        """Have the nursery fork it, and wait until it is ready.

        Raises:
            HarnessError: if it does not start.
        """
        self.limits, self.layers = self._nursery.limits, self._nursery.layers
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._pidfd = self._nursery.fork_branch(self.device, theirs.fileno())
            answer, _ = self._receive(START_TIMEOUT_S)
            if "ready" not in answer:
                raise HarnessError(f"the workers for {self.device} did not start: {answer.get('failed')}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Hang up, which ends it and its workers; wait until it has cleaned up after them, or end it."""
        super().stop()
        if self._pidfd >= 0:
            if not select.select([self._pidfd], [], [], CLOSE_TIMEOUT_S)[0]:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._pidfd = -1
