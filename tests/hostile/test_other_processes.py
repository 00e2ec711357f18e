"""A worker neither signals, watches, slows nor sees another process, whoever's it is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from autograder.boundary.student import Student
from autograder.errors import StudentBlocked

WAYS = """
import ctypes, fcntl, os, platform, signal

libc = ctypes.CDLL(None, use_errno=True)
column = 0 if platform.machine() == "x86_64" else 1
NUMBERS = {"kill": (62, 129), "tgkill": (234, 131), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138),
           "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434), "ptrace": (101, 117), "kcmp": (312, 272),
           "sched_setaffinity": (203, 122), "setpriority": (141, 140), "ioprio_set": (251, 30),
           "move_pages": (279, 239), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
           "prlimit64": (302, 261)}
KILL, SEIZE = int(signal.SIGKILL), 0x4206

def raw(name, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(NUMBERS[name][column], *map(ctypes.c_long, arguments))
    return result if result != -1 else -ctypes.get_errno()

def owner(pid):
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, pid)
    fcntl.fcntl(reading, 10, KILL)  # F_SETSIG
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC)
    os.write(writing, b"!")

def attack(pid):
    worked = {}
    calls = {
        "kill": (pid, KILL), "tgkill": (pid, pid, KILL), "tkill": (pid, KILL), "rt_sigqueueinfo": (pid, KILL, 0),
        "rt_tgsigqueueinfo": (pid, pid, KILL, 0), "pidfd_open": (pid, 0), "ptrace": (SEIZE, pid, 0, 0),
        "kcmp": (pid, pid, 0, 0, 0), "sched_setaffinity": (pid, 8, 0), "setpriority": (0, pid, 19),
        "ioprio_set": (1, pid, 0), "move_pages": (pid, 0, 0, 0, 0, 0), "process_vm_readv": (pid, 0, 0, 0, 0, 0),
        "process_vm_writev": (pid, 0, 0, 0, 0, 0), "prlimit64": (pid, 0, 0, 0),
    }
    for name, arguments in calls.items():
        result = raw(name, *arguments)
        if result != -1:  # EPERM
            worked[name] = result
    for name, way in {"F_SETOWN": owner, "pidfd": os.pidfd_open, "killpg": lambda pid: os.killpg(pid, 9)}.items():
        try:
            worked[name] = repr(way(pid))
        except PermissionError:
            pass
    return worked

def see():
    return sorted(os.listdir("/proc"))

def everything():
    os.kill(-1, 9)

def group():
    os.kill(0, 9)
"""


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def attacker(student: Callable[..., Student]) -> Student:
    return student(WAYS)


def test_a_process_of_the_same_user_is_out_of_reach(attacker: Student, victim: subprocess.Popen[bytes]) -> None:
    assert attacker.attack(victim.pid) == {}
    assert victim.poll() is None


def test_the_grader_is_out_of_reach(attacker: Student) -> None:
    assert attacker.attack(os.getpid()) == {}


@pytest.mark.parametrize("pid", [0, -1, 2, -2, 2**31 - 1, -(2**31), 2**32, 2**32 - 1])
def test_groups_and_numbers_that_wrap_around_are_out_of_reach(attacker: Student, pid: int) -> None:
    assert attacker.raw("kill", pid, 9) == -1
    assert attacker.raw("tgkill", pid, 1, 9) == -1
    assert attacker.fine() == 42
    assert attacker.workers_used == 1


def test_the_neighbour_is_out_of_reach(
    attacker: Student, student: Callable[..., Student], has_namespaces: bool
) -> None:
    other = student("import os\n\ndef pid(): return os.getpid()")
    pid = other.pid()
    if not has_namespaces:  # with namespaces each of them is number 1
        assert attacker.attack(pid) == {}
    assert other.pid() == pid
    assert other.workers_used == 1


@pytest.mark.parametrize("name", ["see", "everything", "group"])
def test_many_at_once_are_out_of_reach_and_out_of_sight(attacker: Student, name: str) -> None:
    with pytest.raises(StudentBlocked):
        attacker.call(name)
    assert attacker.fine() == 42
    assert attacker.workers_used == 1
