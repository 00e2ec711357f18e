"""A worker inherits nothing of the grader: no environment, no open file but its connection, no arguments, no frames."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.boundary.student import Student
from autograder.worker.cuda import HIDDEN

SPY = """
import ctypes, gc, os, stat, sys

def environment():
    libc = ctypes.CDLL(None)
    pointers = ctypes.cast(ctypes.c_void_p.in_dll(libc, "environ"), ctypes.POINTER(ctypes.c_char_p))
    found, number = [], 0
    while pointers and pointers[number]:
        found.append(pointers[number].decode())
        number += 1
    return dict(os.environ), found

def descriptors():
    found = {}
    for descriptor in range(70_000):
        try:
            status = os.fstat(descriptor)
        except OSError:
            continue
        is_null = status.st_rdev == os.stat("/dev/null").st_rdev
        found[descriptor] = "socket" if stat.S_ISSOCK(status.st_mode) else is_null
    return found

def arguments():
    return sys.argv, sys.orig_argv

def frames():
    frame, names = sys._getframe(), set()
    while frame:
        names.add(frame.f_code.co_filename.rpartition("autograder/")[2])
        frame = frame.f_back
    return sorted(names), len(sys._current_frames())

def remembered(word):
    return [text for text in gc.get_objects() if isinstance(text, (str, bytes)) and word in str(text)]

def in_memory(word):
    held = [value for owner in gc.get_objects() if isinstance(owner, dict) for value in list(owner.values())]
    return sum(isinstance(value, str) and word in value for value in held)
"""


@pytest.fixture
def spy(lasting: Callable[[str], Student]) -> Student:
    return lasting(SPY)  # of the nursery that was started beside an open file and a word in the environment


def test_the_environment_is_that_of_nobody(spy: Student) -> None:
    by_python, by_libc = spy.environment()
    assert set(by_python) == {"HOME", "TMPDIR", "LANG", "MPLBACKEND", "PATH", "USER", *HIDDEN}
    assert sorted(by_libc) == sorted(f"{name}={value}" for name, value in by_python.items())
    assert by_python["HOME"] == by_python["TMPDIR"]


def test_the_only_open_file_is_its_own_connection(spy: Student) -> None:
    found = spy.descriptors()
    assert {number: kind for number, kind in found.items() if number < 3} == dict.fromkeys((0, 1, 2), True)
    assert [kind for number, kind in found.items() if number >= 3] == ["socket"]


def test_the_arguments_name_nothing_of_the_course(spy: Student) -> None:
    short, whole = spy.arguments()
    assert short == [""]
    assert whole[1:5] == ["-I", "-B", "-m", "autograder.worker.nursery"]


def test_the_frames_below_are_the_worker_s_own(spy: Student) -> None:
    names, threads = spy.frames()
    assert {name for name in names if name.endswith(".py")} == {"worker/nursery.py", "worker/serve.py"}
    assert threads == 1


@pytest.mark.parametrize("word", ["nonce-4711", "tests/hidden", "solutions", "gradebook"])
def test_no_object_in_memory_knows_the_grader_s_words(spy: Student, word: str) -> None:
    assert spy.remembered(word) == []
    assert spy.in_memory(word[:-1] + word[-1]) <= 1  # the question itself
