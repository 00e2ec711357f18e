"""No new process or program, no tracing, keys, io_uring, bpf, mounts or namespaces: raw system calls are refused."""

from __future__ import annotations

import platform
from collections.abc import Callable

import pytest

from autograder.boundary.student import Student
from autograder.errors import StudentCrashed, StudentError, StudentRaised

# x86_64, aarch64
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280), "userfaultfd": (323, 282), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "perf_event_open": (298, 241),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104), "reboot": (169, 142),
    "sethostname": (170, 161), "settimeofday": (164, 170), "clock_settime": (227, 112), "syslog": (103, 116),
    "acct": (163, 89), "swapon": (167, 224), "quotactl": (179, 60), "personality": (135, 92), "setuid": (105, 146),
    "setgid": (106, 144), "setgroups": (116, 159), "setresuid": (117, 147), "capset": (126, 91), "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424), "tkill": (200, 130), "socket": (41, 198), "socketpair": (53, 199),
    "connect": (42, 203), "bind": (49, 200), "accept": (43, 202), "setsockopt": (54, 208), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "splice": (275, 76), "tee": (276, 77),
    "vmsplice": (278, 75),
    "link": (86, None), "linkat": (265, 37), "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33),
    "chown": (92, None), "fchownat": (260, 54), "setxattr": (188, 5), "truncate": (76, 45), "setrlimit": (160, 164),
    "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None), "ustat": (136, None), "mbind": (237, 235),
    "setsid": (112, 157), "setpgid": (109, 154), "setdomainname": (171, 162), "timer_create": (222, 107),
    "rt_sigqueueinfo": (129, 138), "signalfd4": (289, 74), "cachestat": (451, 451), "lsm_set_self_attr": (460, 460),
}  # fmt: skip
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
    numbers = {name: pair[COLUMN] for name, pair in REFUSED.items() if pair[COLUMN] is not None}
    answered = lasting(RAW).attack(numbers)
    assert {name: result for name, result in answered.items() if result != (-1, 1)} == {}
    assert len(answered) > 60


def test_every_number_that_is_not_listed_is_refused(lasting: Callable[[str], Student]) -> None:
    from autograder.worker.syscalls import machine, numbers

    by_probes = {335, 336} if X86 else set()  # a trap of the kernel's own that no filter sees; from elsewhere it kills
    others = sorted(set(range(470)) - set(numbers(machine()).values()) - by_probes)
    answered = lasting(RAW).attack({str(number): number for number in others})
    assert set(answered.values()) == {(-1, 1)}


CLONE = 56 if X86 else 220
FLAGS = {
    "fork": 17,
    "vfork": 0x4111,
    "user namespace": 0x10000011,
    "mount namespace": 0x20011,
    "threads of another group": 0x800,
}


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
