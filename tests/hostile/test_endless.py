"""The parent owns the clock: no loop, handler, lock, blocked signal or flood outlives the limit of the call."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from autograder.boundary.student import CallLimits, Student
from autograder.errors import StudentError, StudentTimedOut

WAYS = {
    "loop": "while True: pass",
    "swallowing loop": "while True:\n        try: time.sleep(1)\n        except BaseException: pass",
    "finally": "try: time.sleep(100)\n    finally: attack()",
    "alarm": "signal.signal(14, print); signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n    while True: pass",
    "ignored signals": "[signal.signal(n, signal.SIG_IGN) for n in range(1, 32) if n not in (9, 19)]; time.sleep(99)",
    "blocked signals": "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(99)",
    "deadlock": "lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "big number": "9 ** 9 ** 9",
    "expression": "re.match('(a+)+$', 'a' * 60 + 'b')",
    "matrix": "[torch.ones(999, 999) @ torch.ones(999, 999) for _ in range(10 ** 9)]",
    "flood": "while True: print('x' * 9999)",
    "flood of standard output": "while True: os.write(1, b'x' * 9999)",
    "flood of standard error": "while True: sys.__stderr__.write('x' * 9999)",
    "waiting for itself": "os.read(os.pipe()[0], 1)",
    "no garbage": "gc.disable(); threading.Event().wait()",
}  # fmt: skip
COMMON = """
import gc, os, re, signal, sys, threading, time, torch

class Error(Exception):
    def __str__(self):
        while True: pass

def attack():
    """


@pytest.mark.parametrize("name", WAYS)
def test_the_call_ends_at_its_limit(costs_one_call: Callable[..., StudentError], name: str) -> None:
    start = time.monotonic()
    costs_one_call(COMMON + WAYS[name], error=StudentTimedOut, match="ran for more than 0.15 s", call_s=0.15)
    assert time.monotonic() - start < 5


def test_a_message_that_never_ends_is_ended(costs_one_call: Callable[..., StudentError]) -> None:
    costs_one_call(COMMON + "raise Error", error=StudentTimedOut, call_s=0.15)


def test_a_cell_that_never_ends_costs_that_cell(student: Callable[..., Student]) -> None:
    one = student("while True: pass", cell_s=0.15)
    with pytest.raises(StudentError, match="fine is not defined"):
        one.fine()
    assert isinstance(one.failures[0].error, StudentTimedOut)


def test_a_background_thread_does_not_keep_the_next_calls_from_their_answers(student: Callable[..., Student]) -> None:
    one = student(
        """
        import threading
        def spin():
            while True: pass
        def attack():
            for _ in range(3): threading.Thread(target=spin).start()
        """
    )
    assert one.attack() is None
    assert one.fine() == 42


def test_all_calls_together_end_at_the_limit_of_the_submission(student: Callable[..., Student]) -> None:
    one = student("import time\n\ndef attack(): time.sleep(0.2)")
    one._limits = CallLimits(5, 5, 0.5)
    for _ in range(5):
        with contextlib.suppress(StudentTimedOut):
            one.attack()
    with pytest.raises(StudentTimedOut, match="used up its"):
        one.fine()
