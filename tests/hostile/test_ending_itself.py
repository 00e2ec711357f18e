"""A worker that ends, crashes, or raises what is not an Exception costs its student that one call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.boundary.student import Student
from autograder.errors import StudentBlocked, StudentCrashed, StudentError, StudentRaised

RAISES = {
    "SystemExit": "sys.exit(0)", "quit": "raise SystemExit", "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit", "Own": "raise type('Own', (BaseException,), {})('x')",
    "SkipTest": "raise unittest.SkipTest('skip me')", "CancelledError": "raise asyncio.CancelledError",
    "StopIteration": "raise StopIteration(42)", "ExceptionGroup": "raise ExceptionGroup('many', [ValueError(1)])",
    "RecursionError": "attack()", "SIGINT": "os.kill(os.getpid(), signal.SIGINT)",
}  # fmt: skip
ENDS = {
    "os._exit": ("os._exit(0)", "ended itself with exit code 0"),
    "os._exit of another number": ("os._exit(70)", "ended itself with exit code 70"),
    "in a thread": ("threading.Thread(target=os._exit, args=(3,)).start(); time.sleep(5)", "exit code 3"),
    "segmentation fault": ("ctypes.string_at(0)", "ended by SIGSEGV"),
    "bus error": ("ctypes.memset(mmap_beyond(), 1, 1)", "ended by SIG(BUS|SEGV)"),
    "abort": ("os.abort()", "ended by SIG(ABRT|SEGV)"),
    "C stack": ("deep()", "ended by SIGSEGV"),
    "exit by libc": ("ctypes.CDLL(None).exit(5)", "exit code 5"),
    "atexit": ("atexit.register(print, 1); os._exit(0)", "exit code 0"),
    "the connection": ("os.closerange(3, 4096)", "its process"),
    "the wire": ("break_the_wire()", "its process ended itself with exit code 70"),
}
COMMON = """
import asyncio, atexit, ctypes, mmap, os, signal, sys, threading, time, unittest

def mmap_beyond():
    with open("short", "wb+", buffering=0) as file:
        file.write(b"1")
        page = mmap.mmap(file.fileno(), 1)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        file.truncate(0)
    return address

def deep():
    threading.stack_size(1 << 16)
    value = []
    for _ in range(10**6):
        value = [value]
    sys.setrecursionlimit(10**8)
    repr(value)

def break_the_wire():
    wire = sys.modules["autograder.worker.wire"]
    wire.pack = None

def attack():
    """


@pytest.mark.parametrize("name", RAISES)
def test_what_is_not_an_exception_is_one_here(costs_one_call: Callable[..., StudentError], name: str) -> None:
    error = costs_one_call(COMMON + RAISES[name], error=StudentRaised)
    assert isinstance(error, StudentRaised)
    assert error.names[0] in (name, name.replace("quit", "SystemExit").replace("SIGINT", "KeyboardInterrupt"))


@pytest.mark.parametrize("name", ENDS)
def test_an_ended_process_costs_one_call(costs_one_call: Callable[..., StudentError], name: str) -> None:
    how, message = ENDS[name]
    costs_one_call(COMMON + how, error=StudentCrashed, match=message)


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGSTOP"])
def test_signals_that_look_as_if_somebody_else_had_sent_them_are_refused(
    costs_one_call: Callable[..., StudentError], signal: str
) -> None:
    costs_one_call(COMMON + f"os.kill(os.getpid(), signal.{signal})", error=StudentBlocked)


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGHUP", "SIGTSTP", "SIGUSR1"])
def test_signals_to_itself_cost_at_most_one_call(student: Callable[..., Student], signal: str) -> None:
    one = student(COMMON + f"os.kill(os.getpid(), signal.{signal})", call_s=0.3)
    try:  # the first process of a namespace is not ended by its own signals
        assert one.attack() is None
    except StudentError as error:
        assert error.outcome in ("crashed", "timed_out")  # noqa: PT017 - either is right
    assert one.fine() == 42


@pytest.mark.parametrize("how", ["os._exit(0)", "sys.exit(0)", "ctypes.string_at(0)", "raise KeyboardInterrupt"])
def test_a_cell_that_ends_the_process_costs_that_cell(student: Callable[..., Student], how: str) -> None:
    one = student(f"import ctypes, os, sys\n{how}")  # fine() stands below, in the same cell
    with pytest.raises(StudentRaised, match="fine is not defined"):
        one.fine()
    assert len(one.failures) == 1
    assert one.failures[0].is_fatal == ("_exit" in how or "ctypes" in how)
    assert one.workers_used == 1 + one.failures[0].is_fatal
