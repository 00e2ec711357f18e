"""No new process or program, no tracing, keys, io_uring, bpf, mounts or namespaces: raw system calls are refused."""

from __future__ import annotations

import os
import platform
import socket
import tempfile
from collections.abc import Callable

import pytest

from autograder.boundary.student import Student
from autograder.errors import StudentCrashed, StudentError, StudentRaised
from autograder.worker.syscalls import THREAD_FLAGS, machine, numbers
from tests.hostile.dangerous import DANGEROUS

X86 = platform.machine() == "x86_64"
COLUMN = 0 if X86 else 1
RAW = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def attack(numbers):
    answered = {}
    for name, number in numbers.items():
        ctypes.set_errno(0)
        result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
        answered[name] = (result, ctypes.get_errno())
    return answered

def one(number, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)), ctypes.get_errno()
"""


def test_system_calls_that_are_not_listed_are_refused(lasting: Callable[[str], Student]) -> None:
    numbers = {name: pair[COLUMN] for name, pair in DANGEROUS.items() if pair[COLUMN] is not None}
    answered = lasting(RAW).attack(numbers)
    assert {name: result for name, result in answered.items() if result != (-1, 1)} == {}
    assert len(answered) > 120


def test_every_number_that_is_not_listed_is_refused(lasting: Callable[[str], Student]) -> None:
    by_probes = {335, 336} if X86 else set()  # a trap of the kernel's own that no filter sees; from elsewhere it kills
    others = sorted(set(range(600)) - set(numbers(machine()).values()) - by_probes)
    answered = lasting(RAW).attack({str(number): number for number in others})
    assert set(answered.values()) == {(-1, 1)}


CLONE = 56 if X86 else 220
FLAGS = {
    "fork": 17,
    "vfork": 0x4111,
    "user namespace": 0x10000011,
    "mount namespace": 0x20011,
    "threads of another group": 0x800,
    **{f"a thread with {what}": THREAD_FLAGS & ~0x400000 | bit for what, bit in {
        "a tracer": 0x2000, "its parent's parent": 0x8000, "a descriptor": 0x1000, "no tracer": 0x800000,
        "a mount namespace": 0x20000, "a control group": 0x2000000, "a host name": 0x4000000, "queues": 0x8000000,
        "a user namespace": 0x10000000, "a process namespace": 0x20000000, "a network": 0x40000000,
        "priority": 0x80000000, "its parent waiting": 0x4000,
    }.items()},
}  # fmt: skip


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_clone_makes_nothing_but_threads(lasting: Callable[[str], Student], flags: int) -> None:
    assert lasting(RAW).one(CLONE, flags, 0, 0, 0, 0) == (-1, 1)


def test_clone3_says_that_it_does_not_exist(lasting: Callable[[str], Student]) -> None:
    assert lasting(RAW).one(435, 0, 0) == (-1, 38)


PRCTL = 157 if X86 else 167


@pytest.mark.parametrize("option", [1, 4, 8, 22, 24, 36, 38, 53], ids=lambda option: f"option {option}")
def test_its_own_confinement_cannot_be_changed(lasting: Callable[[str], Student], option: int) -> None:
    assert lasting(RAW).one(PRCTL, option, 0, 0, 0, 0) == (-1, 1)


def test_limits_can_be_read_and_not_raised(student: Callable[..., Student]) -> None:
    one = student("import resource\n\ndef read(): return resource.getrlimit(resource.RLIMIT_CORE)\n"
                  "def attack(): resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))")  # fmt: skip
    assert one.read() == (0, 0)
    with pytest.raises(StudentRaised, match="not allowed to raise maximum limit"):
        one.attack()


@pytest.mark.skipif(not X86, reason="the x32 numbers belong to x86_64")
def test_the_x32_numbers_do_not_exist(lasting: Callable[[str], Student]) -> None:
    one = lasting(RAW)
    assert one.one(0x40000000 + 39) == (-1, 38)
    assert one.one(0x40000000 + 520, 0, 0, 0) == (-1, 38)  # execve


@pytest.mark.skipif(not X86, reason="int 0x80 belongs to x86_64")
def test_the_32_bit_door_is_deadly(costs_one_call: Callable[..., StudentError]) -> None:
    source = r"""
        import ctypes, mmap
        def attack():
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20 (getpid); int 0x80; ret
            return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        """
    costs_one_call(source, error=StudentCrashed, match="ended by SIG(SYS|SEGV)")


STARTERS = {
    "os.fork": "os.fork()",
    "os.system": "1 / (os.system('true') == 0)",
    "subprocess": "subprocess.run(['/bin/true'])",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "exec": "os.execv(sys.executable, [sys.executable, '-c', '1'])",
    "multiprocessing": "multiprocessing.Process(target=int).start()",
    "pool": "concurrent.futures.ProcessPoolExecutor(1).submit(int).result()",
    "DataLoader": "list(torch.utils.data.DataLoader([1, 2], num_workers=2))",
    "forkpty": "pty.fork()",
}


@pytest.mark.parametrize("start", STARTERS.values(), ids=STARTERS)
def test_no_process_can_be_started(costs_one_call: Callable[..., StudentError], start: str) -> None:
    source = f"import concurrent.futures, multiprocessing, os, pty, subprocess, sys, torch\n\ndef attack(): {start}"
    costs_one_call(source, call_s=5)


def test_a_data_loader_without_workers_is_fine(student: Callable[..., Student]) -> None:
    one = student(
        "import torch\n\ndef batches(): return [b for b in torch.utils.data.DataLoader([1, 2], batch_size=2)]"
    )
    assert one.batches()[0].tolist() == [1, 2]


def test_what_says_it_worked_did_nothing(student: Callable[..., Student]) -> None:
    one = student(
        """
        import os, shutil
        def copied():
            open("a", "w").write("text")
            shutil.copy("a", "b")
            os.chmod("b", 0)
            return open("b").read(), oct(os.stat("b").st_mode & 0o777)
        """
    )
    text, mode = one.copied()
    assert (text, mode) == ("text", oct(0o666 & ~0o022))


TIOCSTI, TIOCLINUX, FIONBIO = 0x5412, 0x541C, 0x5421
IOCTL, SENDTO, RECVFROM = (16, 44, 45) if X86 else (29, 206, 207)


@pytest.mark.parametrize(
    "request_", [TIOCSTI, TIOCLINUX, FIONBIO, 0xAE01], ids=["TIOCSTI", "TIOCLINUX", "FIONBIO", "KVM"]
)
def test_no_device_is_controlled(lasting: Callable[[str], Student], request_: int) -> None:
    one = lasting(RAW)
    assert {one.one(IOCTL, descriptor, request_, 0) for descriptor in (0, 1, 3)} == {(-1, 25)}
    assert one.one(IOCTL, 0, request_ | 1 << 32, 0) == (-1, 25)  # the kernel looks at 32 bits of it


@pytest.mark.parametrize(
    "option", [0xFFFFFFFF, 0x0040000, 0x0020000, 8], ids=["ask", "no ASLR", "SHORT_INODE", "32 bits"]
)
def test_its_personality_stays(lasting: Callable[[str], Student], option: int) -> None:
    assert lasting(RAW).one(DANGEROUS["personality"][COLUMN], option) == (-1, 1)


def test_urgent_bytes_and_other_addresses_are_refused(lasting: Callable[[str], Student]) -> None:
    one = lasting(RAW)
    assert one.one(SENDTO, 99, 0, 0, 1) == (-1, 1)  # MSG_OOB
    assert one.one(RECVFROM, 99, 0, 0, 1) == (-1, 1)
    assert one.one(SENDTO, 99, 0, 0, 0, 0x1000, 16) == (-1, 1)
    assert one.one(SENDTO, 99, 0, 0, 0, 0, 0) == (-1, 9)  # the right form gets as far as the number of the file


DOORS = """
import os, socket, stat

def connection():
    for descriptor in range(3, 4096):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            pass

def attack(address):
    here = socket.socket(fileno=os.dup(connection()))
    ways = {
        "connect": lambda: here.connect(address), "sendto": lambda: here.sendto(b"!", address),
        "a new one": lambda: socket.socket(socket.AF_UNIX), "a pair": lambda: socket.socketpair(),
        "a descriptor": lambda: socket.send_fds(here, [b"!"], [0]), "receive": lambda: socket.recv_fds(here, 1, 1),
        "sendmsg": lambda: here.sendmsg([b"!"], [], 0, address),
    }
    worked = []
    for name, way in ways.items():
        try:
            way()
            worked.append(name)
        except PermissionError:
            pass
    return worked
"""


@pytest.mark.parametrize("kind", ["abstract", "path"])
def test_no_other_socket_is_reached(student: Callable[..., Student], kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        address = f"\0door-{os.getpid()}" if kind == "abstract" else f"{folder}/door"
        listening.bind(address)
        listening.listen()
        listening.settimeout(0.1)
        assert student(DOORS).attack(address) == []
        with pytest.raises(TimeoutError):
            listening.accept()
