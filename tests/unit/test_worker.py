"""The trusted end of a worker's connection: one question, one answer; whatever else comes is the student's fault."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.boundary.worker import Answer, Reply, Worker
from autograder.errors import (
    HarnessError,
    ProtocolViolation,
    StudentCrashed,
    StudentError,
    StudentOutOfMemory,
    StudentTimedOut,
)
from autograder.worker import wire


def frame(header: Any, payload: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("!IQ", len(text), len(payload)) + text + payload


OK: dict[str, Any] = {"seq": 1, "status": "ok", "value": 5}


@pytest.fixture(scope="module")
def ended() -> Iterator[int]:
    """A pidfd of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        descriptor = os.pidfd_open(process.pid)
    yield descriptor
    os.close(descriptor)


class Peer:
    """The other end of a worker: sends ``answers`` one after the other, a question each."""

    def __init__(self, pidfd: int, *answers: bytes, status: int | HarnessError = 0, memory_mib: int = 10**6) -> None:
        ours, self.theirs = socket.socketpair()
        self.asked: list[dict[str, Any]] = []
        self._status = status
        self._answers = answers
        self.worker = Worker(ours, os.dup(pidfd), self._exit_status, memory_mib)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _exit_status(self) -> int:
        if isinstance(self._status, HarnessError):
            raise self._status
        return self._status

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                header, _ = wire.receive(self.theirs)
                self.asked.append(header)
                self.theirs.sendall(answer)
            except (wire.WireError, OSError):
                return

    def close(self) -> None:
        self.worker.kill()
        with contextlib.suppress(OSError):  # a test may have closed it
            self.theirs.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.theirs.close()


@pytest.fixture
def peer(ended: int) -> Iterator[Callable[..., Peer]]:
    made: list[Peer] = []

    def make(*answers: bytes, **options: Any) -> Peer:
        made.append(Peer(ended, *answers, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_question_and_its_answer(peer: Callable[..., Peer]) -> None:
    one = peer(frame(OK), frame({**OK, "seq": 2, "value": {"t": [1, {"f": "nan"}]}}))
    answer = one.worker.ask("call", "f", 5, args=(torch.ones(2),), kwargs={"a": 1}, name="f")
    assert answer.decode("value") == 5
    assert answer.decode("args") is None
    assert one.worker.ask("call", "f", 5).decode("value")[0] == 1
    assert one.asked[0]["name"] == "f"
    assert one.asked[0]["args"] == {"t": [{"x": 0}]}
    assert one.asked[0]["kwargs"] == {"d": [["a", 1]]}


def test_an_error_is_an_answer(peer: Callable[..., Peer]) -> None:
    error = {"names": ["ValueError"], "text": "no", "where": "", "traceback": []}
    answer = peer(frame({"seq": 1, "status": "error", "error": error})).worker.ask("call", "f", 5)
    assert answer.reply.error is not None
    assert answer.reply.error.text == "no"


def test_arguments_that_cannot_be_sent_are_our_fault(peer: Callable[..., Peer]) -> None:
    worker = peer().worker
    for argument in ([0] * (wire.MAX_NODES + 1), "x" * (wire.MAX_HEADER_BYTES + 1)):
        with pytest.raises(HarnessError, match="f: its arguments cannot be sent"):
            worker.ask("call", "f", 5, args=(argument,))
    assert worker.is_alive


def test_a_worker_that_has_ended_is_not_asked(peer: Callable[..., Peer]) -> None:
    worker = peer().worker
    worker.kill()
    worker.kill()
    with pytest.raises(HarnessError, match="a worker that has ended was asked"):
        worker.ask("call", "f", 5)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (0, StudentCrashed, "f: its process ended itself with exit code 0 before it answered"),
        (-signal.SIGSEGV, StudentCrashed, "f: its process was ended by SIGSEGV"),
        (-64, StudentCrashed, "f: its process was ended by SIGRTMAX"),
        (-99, StudentCrashed, "f: its process was ended by signal 99"),
        (-signal.SIGKILL, StudentCrashed, "f: its process ended before it answered"),
        (-signal.SIGXCPU, StudentTimedOut, "f: used up its CPU time"),
        (HarnessError("the nursery is gone"), StudentCrashed, "f: its process ended before it answered"),
    ],
)
def test_how_a_process_ended_is_said(
    peer: Callable[..., Peer], status: int | HarnessError, kind: type[StudentError], message: str
) -> None:
    one = peer(status=status)
    one.theirs.shutdown(socket.SHUT_RDWR)
    with pytest.raises(kind, match=f"^{message}$"):
        one.worker.ask("call", "f", 5)
    assert not one.worker.is_alive


def test_a_process_that_ends_in_the_middle_of_an_answer_has_crashed(peer: Callable[..., Peer]) -> None:
    one = peer(frame(OK)[:10])
    threading.Timer(0.1, lambda: one.theirs.shutdown(socket.SHUT_RDWR)).start()
    with pytest.raises(StudentCrashed):
        one.worker.ask("call", "f", 5)


def test_a_question_that_is_not_read_to_its_end_is_late_or_a_crash(peer: Callable[..., Peer]) -> None:
    big = torch.ones(1 << 20)
    one = peer()
    with pytest.raises(StudentTimedOut, match=r"f: ran for more than 0\.1 s"):
        one.worker.ask("call", "f", 0.1, args=(big,))
    other = peer()
    threading.Timer(0.1, other.theirs.close).start()
    with pytest.raises(StudentCrashed):
        other.worker.ask("call", "f", 5, args=(big,))


def test_a_connection_that_was_reset_is_a_crash(peer: Callable[..., Peer]) -> None:
    one = peer()
    one.worker._connection.send(b"unread")
    one.theirs.close()
    with pytest.raises(StudentCrashed):
        one.worker.ask("call", "f", 5)


def test_nothing_comes_in_time(peer: Callable[..., Peer]) -> None:
    start = time.monotonic()
    with pytest.raises(StudentTimedOut, match=r"f: ran for more than 0\.2 s"):
        peer().worker.ask("call", "f", 0.2)
    assert 0.15 < time.monotonic() - start < 2


def test_more_memory_than_allowed_is_seen_while_waiting(
    peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = peer(memory_mib=-1023)  # one MiB in all
    monkeypatch.setattr(one.worker, "_resident_bytes", lambda: 2 << 20)
    with pytest.raises(StudentOutOfMemory, match="f: used more memory than allowed"):
        one.worker.ask("call", "f", 5)


def test_resident_memory_is_that_of_the_process(ended: int) -> None:
    ours, theirs = socket.socketpair()
    worker = Worker(ours, os.pidfd_open(os.getpid()), lambda: 0, 1)
    assert worker._resident_bytes() > 10 << 20
    os.close(worker._pidfd)
    worker._pidfd = os.dup(ended)
    assert worker._resident_bytes() == 0
    worker.kill()
    theirs.close()


def test_what_comes_unasked_is_refused(peer: Callable[..., Peer]) -> None:
    one = peer()
    one.theirs.sendall(frame(OK))
    with pytest.raises(ProtocolViolation, match="f: its process wrote to the grader without being asked"):
        one.worker.ask("call", "f", 5)


def test_two_answers_are_none(peer: Callable[..., Peer]) -> None:
    with pytest.raises(ProtocolViolation, match="f: the answer is not well formed"):
        peer(frame(OK) * 2).worker.ask("call", "f", 5)


def test_confinement_is_the_first_frame(peer: Callable[..., Peer]) -> None:
    one = peer()
    one.theirs.sendall(frame({"seq": 0, "status": "ok", "layers": ["seccomp"]}))
    assert one.worker.confined_with(5) == ["seccomp"]
    one.theirs.sendall(frame({"seq": 0, "status": "ok"}))
    assert one.worker.confined_with(5) == []
    error = {"names": ["OSError"], "text": "no Landlock", "where": "", "traceback": []}
    one.theirs.sendall(frame({"seq": 0, "status": "error", "error": error}))
    with pytest.raises(HarnessError, match=r"^the worker could not be confined: no Landlock$"):
        one.worker.confined_with(5)
    with pytest.raises(HarnessError, match="the worker could not be confined: start: ran for more than"):
        one.worker.confined_with(0.1)


reply_fields = st.dictionaries(
    st.sampled_from(
        ["seq", "status", "elapsed_ns", "value", "args", "before", "after", "error", "stdout", "layers", "tensors", "z"]
    ),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(
        [
            "ok",
            "error",
            1,
            {"l": [1, {"x": 0}]},
            {"h": [0, "N"]},
            [["uint8", [1], "cpu", None, False]],
            {"names": ["E"], "text": "", "where": "", "traceback": []},
            "\ud800",
            {"d": [["a", {"f": "inf"}]]},
        ]
    ),
    max_size=9,
)
answers = st.one_of(
    st.binary(max_size=50),
    st.builds(
        lambda fields, payload: frame({"seq": 1, "status": "ok", **fields}, payload),
        reply_fields,
        st.binary(max_size=2),
    ),
    st.builds(lambda text, payload: frame(text, payload), st.binary(max_size=30), st.binary(max_size=8)),
    st.builds(
        lambda sizes, rest: struct.pack("!IQ", *sizes) + rest,
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)),
        st.binary(max_size=20),
    ),
)


@given(data=answers)
@settings(max_examples=250, deadline=None)
def test_whatever_a_worker_sends_is_an_answer_or_a_student_error(data: bytes) -> None:
    with EndedProcess() as pidfd:
        ours, theirs = socket.socketpair()
        worker = Worker(ours, os.dup(pidfd), lambda: -9, 1)
        worker._sequence = 1
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            answer = worker._receive("f", time.monotonic() + 5, 5)
        except StudentError as error:
            str(error)
            assert not worker.is_alive
        else:
            for name in ("value", "args", "before", "after"):
                repr(answer.decode(name))
            json.dumps(answer.reply.model_dump())
            answer.reply.stdout.encode()
        worker.kill()
        theirs.close()


_ended: list[int] = []


class EndedProcess:
    """A pidfd of a process that has ended, the same for all examples."""

    def __enter__(self) -> int:
        if not _ended:
            with subprocess.Popen(["true"]) as process:
                _ended.append(os.pidfd_open(process.pid))
        return _ended[0]

    def __exit__(self, *exception: object) -> None:
        """Keep it."""


def test_a_tensor_that_no_value_names_is_not_kept() -> None:
    """It would lie in the grader's memory, half a gigabyte for every call, and nobody would ever look at it."""
    infos = [wire.TensorInfo("float32", [number], "cpu", None, False) for number in range(3)]
    held = [torch.ones(number) for number in range(3)]
    answer = Answer(Reply(seq=1, status="ok", value={"x": 2}, args={"t": [{"x": 0}]}), held, infos)
    assert [len(tensor) for tensor in answer.tensors] == [0, 2]
    assert answer.infos == [infos[0], infos[2]]
    assert answer.decode("value") is held[2]
