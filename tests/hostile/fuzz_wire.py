"""Fuzz the wire from the worker's side: ``python -m tests.hostile.fuzz_wire --minutes 10 --seed 1``.

Real answers are bent (header, values, tensor table, lengths, order, pace) and sent over a socket pair to the code that
receives a worker's answers: :mod:`autograder.boundary.worker`, :mod:`autograder.worker.wire`, the student's stand-in,
and the expectations of a check. Whatever comes, they give a value or raise a ``StudentError`` (a ``CheckFailed`` where
a value is compared), in time and in memory that the bytes which were sent account for. All else is a finding: its bytes
are written to ``build/fuzz-wire/``, to be looked at and, mended, kept in ``tests/hostile/corpus/wire/``.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from autograder.boundary.student import CallLimits, Handle, Student
from autograder.boundary.worker import Worker
from autograder.checks.expect import equals_mistake, expect_close, expect_equal, expect_item, expect_number, identical
from autograder.errors import CheckFailed, StudentError
from autograder.worker import wire
from tests.hostile.bending import ASKED, Bender, Delivery, opened, real_answers

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(__file__).parent / "corpus" / "wire"
FINDINGS = ROOT / "build" / "fuzz-wire"
CALL_S = 0.1  # how long an answer may take that does not come, or comes in drops
MAX_CPU_S = 3.0  # of the receiving thread, for one answer: a header of 4 MiB that is all brackets takes half a second
MAX_WALL_S = 30.0  # this machine may be busy, and a worker whose connection has closed is waited for, for a second
MEMORY_BYTES = 384 << 20  # for one answer beside a few copies of what was sent
HANG_S = 60.0


# ---------------------------------------------------------------------------------------------- who receives it

Make = Callable[[str, int], Delivery]


class FedWorker(Worker):
    """A worker without a process: each question is given to ``feed``, which sends what comes back."""

    def __init__(self, connection: socket.socket, pidfd: int, feed: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(connection, pidfd, lambda: 0, 10**6)
        self._feed = feed

    def _send(self, frame: bytes, what: str, deadline: float, timeout_s: float) -> None:
        self._feed(opened(frame)[0])


class Receiver:
    """A student whose worker sends what ``make`` makes of each question.

    Answers that fit into the socket are there before they are waited for; larger and slower ones come from a thread.
    """

    def __init__(self, make: Make) -> None:
        with subprocess.Popen(["true"]) as process:
            self._pidfd = os.pidfd_open(process.pid)
        self.make = make
        self.sent = Delivery([])
        self.begun_s = 0.0
        self.held_bytes = 0
        self._operation = ""
        self._number = 0
        self._thread: threading.Thread | None = None
        self._theirs: socket.socket | None = None
        self.student = Student(self._spawn, [], limits=CallLimits(CALL_S, 5, 10**9))

    def begin(self) -> None:
        """Note the time of this thread and the memory: what was bent has cost its own."""
        self.begun_s, self.held_bytes = time.thread_time(), memory("VmRSS", is_new=True)

    def ask(self, operation: str) -> Any:
        """Ask one question and do with the answer what a check does; raises what comes of it."""
        self._operation, self._number = operation, self._number + 1
        student, name = self.student, f"f{self._number}"
        student.begin_check()
        student._timeouts.clear()
        x = torch.ones(2, 3, dtype=torch.float64)
        if operation == "observe":
            value: Any = student.observe(name, x)
            identical((x,), value.args)
            value = value.result
        elif operation == "gradients":
            found = student.gradients(name, x)
            value = (found.result, found.inputs, dict(found.parameters))
        elif operation == "outline":
            value = student.outline(name, input_shape=(1, 2)).num_parameters
        elif operation == "state":
            value = student.state()
        elif operation == "value":
            value = student.value(name)
        elif operation == "blame":
            student.call(name, x)
            value = student.blame(student.steps[-1])
        else:
            value = student.call(name, x)
        look_at(value)
        return value

    def _spawn(self) -> Worker:
        self._hang_up()
        ours, self._theirs = socket.socketpair()
        return FedWorker(ours, os.dup(self._pidfd), self._feed)

    def _feed(self, header: dict[str, Any]) -> None:
        if header["op"] == "start":
            delivery = Delivery([wire.pack({"seq": header["seq"], "status": "ok"}, wire.Encoder())])
        else:
            delivery = self.sent = self.make(self._operation, header["seq"])
            self.begin()
        before = self._thread if self._thread is not None and self._thread.is_alive() else None
        if delivery.size <= wire.CHUNK and not delivery.pause_s and before is None:
            self._deliver(delivery)
        else:
            self._thread = threading.Thread(target=self._deliver, args=(delivery, before), daemon=True)
            self._thread.start()

    def _deliver(self, delivery: Delivery, after: threading.Thread | None = None) -> None:
        assert self._theirs is not None
        if after is not None:
            after.join()
        with contextlib.suppress(OSError):  # the other side has ended this worker
            for piece in delivery.pieces:
                self._theirs.sendall(piece)
                time.sleep(delivery.pause_s)
            if delivery.hangs_up:
                self._theirs.shutdown(socket.SHUT_RDWR)

    def _hang_up(self) -> None:
        if self._theirs is not None:
            with contextlib.suppress(OSError):
                self._theirs.shutdown(socket.SHUT_RDWR)
            if self._thread is not None:
                self._thread.join()
            self._theirs.close()
            self._theirs = None

    def close(self) -> None:
        """End everything."""
        self.student.close()
        self._hang_up()
        os.close(self._pidfd)


def look_at(value: Any) -> None:
    """Do with a value what checks do; each expectation holds or says that it does not."""
    if isinstance(value, Handle):
        return
    for expectation in (
        lambda: expect_close(value, torch.ones(2, 3, dtype=torch.float64)),
        lambda: expect_number(value, 1.0),
        lambda: expect_equal(value, {"a": 1, (1, 2): [1.0, None]}),
        lambda: expect_equal(value, [1, (2, torch.ones(2, dtype=torch.int64))], dtype=torch.int64),
        lambda: expect_item(value, "a"),
        lambda: equals_mistake(value, torch.ones(2, 3)),
        lambda: equals_mistake(value, {"a": 1.0}),
    ):
        with contextlib.suppress(CheckFailed):
            expectation()


# ---------------------------------------------------------------------------------------------- and what comes of it


@dataclass
class Finding:
    """Something that should not have happened, and the bytes that made it happen."""

    what: str
    operation: str
    data: bytes

    def save(self) -> Path:
        """Write the bytes down; return where."""
        FINDINGS.mkdir(parents=True, exist_ok=True)
        path = FINDINGS / f"{self.operation}-{hashlib.sha256(self.data).hexdigest()[:12]}.frame"
        path.write_bytes(self.data)
        path.with_suffix(".txt").write_text(self.what, encoding="utf-8")
        return path


@dataclass
class Tally:
    """What a run has seen."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest_s: float = 0.0
    largest_mib: int = 0


OPERATIONS = (*ASKED, "blame")


def judged(receiver: Receiver, operation: str, tally: Tally) -> None:
    """Have one answer received; note how that went."""
    receiver.begin()
    wall = time.monotonic()
    outcome, fault = "value", ""
    try:
        receiver.ask(operation)
    except StudentError as error:
        outcome = type(error).__name__
        if len(str(error)) > 5_000:
            fault = f"a sentence of {len(str(error))} characters"
    except BaseException:
        outcome, fault = "other", traceback.format_exc()
    wall, cpu = time.monotonic() - wall, time.thread_time() - receiver.begun_s
    grown = memory("VmHWM") - receiver.held_bytes
    if cpu > MAX_CPU_S or wall > MAX_WALL_S:
        fault = fault or f"took {cpu:.1f} s of the processor, {wall:.1f} s in all"
    if grown > MEMORY_BYTES + 4 * receiver.sent.size:
        fault = fault or f"took {grown >> 20} MiB for {receiver.sent.size} bytes"
    tally.inputs += 1
    tally.outcomes[outcome] += 1
    tally.slowest_s = max(tally.slowest_s, cpu)
    tally.largest_mib = max(tally.largest_mib, grown >> 20)
    if fault:
        tally.findings.append(Finding(fault, operation, b"".join(receiver.sent.pieces)))


def memory(name: str, is_new: bool = False) -> int:
    """Return what this process holds (``VmRSS``) or has held at most (``VmHWM``) since the last new beginning."""
    if is_new:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) << 10
    return 0


def corpus() -> dict[str, bytes]:
    """Return the kept inputs: files ``<operation>-<what it is>.frame``."""
    return {path.stem: path.read_bytes() for path in sorted(CORPUS.glob("*.frame"))}


def replay(tally: Tally) -> None:
    """Send what is kept, each as the first answer of a worker."""
    for name, data in corpus().items():
        receiver = Receiver(lambda operation, seq, data=data: Delivery([data]))  # type: ignore[misc]
        with contextlib.closing(receiver):
            judged(receiver, name.partition("-")[0], tally)


def fuzz(seed: int, is_over: Callable[[Tally], bool], tally: Tally) -> None:
    """Send bent answers until ``is_over`` says so."""
    bender = Bender(seed, real_answers())
    receiver = Receiver(bender.delivery)
    with contextlib.closing(receiver):
        for operation in _operations(random.Random(seed)):
            if is_over(tally):
                return
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            judged(receiver, operation, tally)
            faulthandler.cancel_dump_traceback_later()


def _operations(pick: random.Random) -> Iterator[str]:
    while True:
        yield pick.choice(OPERATIONS)


def main() -> int:
    """Fuzz for a while; say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    torch.set_num_threads(1)
    tally, end = Tally(), time.monotonic() + 60 * options.minutes
    open_before = len(os.listdir("/proc/self/fd"))
    replay(tally)
    fuzz(options.seed, lambda tally: time.monotonic() > end or len(tally.findings) >= 50, tally)
    for finding in tally.findings:
        print(finding.save(), finding.what.strip().splitlines()[-1])
    print(f"seed {options.seed}: {tally.inputs} inputs, {len(tally.findings)} findings")
    print(", ".join(f"{name} {count}" for name, count in tally.outcomes.most_common()))
    print(f"slowest {tally.slowest_s:.2f} s of the processor, largest {tally.largest_mib} MiB for one answer")
    print(
        f"open files {open_before} before, {len(os.listdir('/proc/self/fd'))} after; {memory('VmRSS') >> 20} MiB held"
    )
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
