"""The system calls that a worker may make, by group with the reason, and the filter that refuses all others.

Numbers are ``(x86_64, aarch64)``; ``None`` where an architecture does not have the call. Everything that is not listed
fails with EPERM: no new process, no program, no socket, no tracing, no keys, no io_uring, no mount, no namespace.
"""

from __future__ import annotations

import os
import platform
import struct

# fmt: off
GROUPS: dict[str, dict[str, tuple[int | None, int | None]]] = {
    "memory: the allocator, the interpreter and the kernels that PyTorch generates": {
        "brk": (12, 214), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226),
        "madvise": (28, 233), "msync": (26, 227), "mincore": (27, 232),
    },
    "files: the installation is read, the scratch folder written; Landlock says which": {
        "read": (0, 63), "write": (1, 64), "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65),
        "writev": (20, 66), "preadv": (295, 69), "pwritev": (296, 70), "open": (2, None), "openat": (257, 56),
        "close": (3, 57), "close_range": (436, 436), "creat": (85, None), "stat": (4, None), "fstat": (5, 80),
        "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44),
        "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None),
        "readlinkat": (267, 78), "lseek": (8, 62), "getdents": (78, None), "getdents64": (217, 61),
        "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "mkdir": (83, None), "mkdirat": (258, 34),
        "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
        "renameat2": (316, 276), "ftruncate": (77, 46), "fallocate": (285, 47), "fsync": (74, 82),
        "fdatasync": (75, 83), "flock": (73, 32), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
        "umask": (95, 166), "fadvise64": (221, 223), "copy_file_range": (326, 285), "sendfile": (40, 71),
    },
    "answered with success and not done: Landlock does not guard rights and times, and a copy is as good without": {
        "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "utimensat": (280, 88),
    },
    "waiting and events": {
        "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
        "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
        "eventfd2": (290, 19), "pipe": (22, None), "pipe2": (293, 59), "nanosleep": (35, 101),
        "clock_nanosleep": (230, 115), "pause": (34, None),
    },
    "the one open connection, to the grader; no descriptor is passed over it, for sendmsg and recvmsg are not here": {
        "shutdown": (48, 210), "getsockopt": (55, 209), "getsockname": (51, 204), "getpeername": (52, 205),
    },
    "time": {
        "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None),
        "times": (100, 153), "getitimer": (36, 102), "setitimer": (38, 103), "alarm": (37, None),
    },
    "threads: locks and scheduling of this process": {
        "futex": (202, 98), "futex_waitv": (449, 449), "set_robust_list": (273, 99), "get_robust_list": (274, 100),
        "rseq": (334, 293), "set_tid_address": (218, 96), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
        "sched_getparam": (143, 121), "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125),
        "sched_get_priority_min": (147, 126), "getcpu": (309, 168), "get_mempolicy": (239, 236),
        "membarrier": (324, 283), "arch_prctl": (158, None), "gettid": (186, 178),
    },
    "signals to itself": {
        "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
        "rt_sigpending": (127, 136), "rt_sigsuspend": (130, 133), "rt_sigtimedwait": (128, 137),
        "sigaltstack": (131, 132), "restart_syscall": (219, 128),
    },
    "who and where it is": {
        "getpid": (39, 172), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
        "getegid": (108, 177), "getgroups": (115, 158), "getresuid": (118, 148), "getresgid": (120, 150),
        "getpgrp": (111, None), "getpgid": (121, 155), "getsid": (124, 156), "uname": (63, 160), "sysinfo": (99, 179),
        "getrandom": (318, 278), "getrlimit": (97, 163), "getrusage": (98, 165),
    },
    "ending": {
        "exit": (60, 93), "exit_group": (231, 94), "wait4": (61, 260), "waitid": (247, 95),
    },
    "checked by argument": {
        "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131), "prctl": (157, 167),
        "prlimit64": (302, 261), "ioctl": (16, 29), "fcntl": (72, 25), "sendto": (44, 206), "recvfrom": (45, 207),
    },
}
# fmt: on

UNDONE = ("chmod", "fchmod", "fchmodat", "utimensat")
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP = {"x86_64": 317, "aarch64": 277}  # the call that installs the filter; it is not in the list
X32_BIT = 0x40000000  # the x32 numbers of an x86_64 kernel: other numbers for the same calls
CLONE_THREAD = 0x00010000
# as C libraries start a thread: it shares all that this process has; no namespace, no tracer, no other parent
THREAD_FLAGS = 0x003D0F00 | 0x00400000
# not MSG_OOB: urgent bytes on such a socket are rare enough for the kernel's handling of them to have been at fault
SEND_FLAGS, RECEIVE_FLAGS = 0x4040, 0x4142  # MSG_NOSIGNAL, MSG_DONTWAIT; and MSG_PEEK, MSG_WAITALL
PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41
# duplicates, flags, locks, the sizes of pipes; not F_SETOWN and F_SETSIG, by which the kernel signals other processes
FCNTL_COMMANDS = (*range(8), 36, 37, 38, 1030, 1031, 1032)
EPERM, ENOSYS, ENOTTY = 1, 38, 25
SIGKILL, SIGSTOP = 9, 19

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_NO, _YES = (_RETURN, 0, 0, _ERRNO | EPERM), (_RETURN, 0, 0, _ALLOW)


def machine() -> str:
    """Return the name under which this machine's numbers are listed, or an empty string."""
    name = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return name if name in AUDIT_ARCH else ""


def numbers(architecture: str) -> dict[str, int]:
    """Return every listed call that ``architecture`` has, with its number."""
    column = 0 if architecture == "x86_64" else 1
    found = {name: pair[column] for group in GROUPS.values() for name, pair in group.items()}
    return {name: number for name, number in found.items() if number is not None}


def program(architecture: str, pid: int, with_ioctl: bool = False) -> bytes:
    """Return the filter, as an array of ``struct sock_filter``.

    Args:
        architecture: ``x86_64`` or ``aarch64``.
        pid: the worker's own process id, the only one that it may signal.
        with_ioctl: whether it may control the devices that it has open, as CUDA does.
    """
    listed = numbers(architecture)
    checked = GROUPS["checked by argument"]
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, AUDIT_ARCH[architecture]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, X32_BIT),
        (_RETURN, 0, 0, _ERRNO | ENOSYS),
    ]
    for name, number in listed.items():
        if name not in checked:
            code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO if name in UNDONE else _ALLOW)]
    no, yes = _NO, _YES

    def when(name: str, *body: tuple[int, int, int, int]) -> None:
        if name in listed:
            code.extend([(_JUMP_EQUAL, 0, len(body), listed[name]), *body])

    when("clone", *_no_bits_but(0, THREAD_FLAGS), (_JUMP_ANY_BIT, 0, 1, CLONE_THREAD), yes, no)
    when("clone3", (_RETURN, 0, 0, _ERRNO | ENOSYS))  # its flags lie in memory; glibc falls back to clone
    # not SIGKILL and SIGSTOP: a worker that ends by SIGKILL was ended from outside, which is no fault of the student's
    for name, signal in (("kill", 1), ("tgkill", 2)):
        when(name, (_LOAD, 0, 0, _low(0)), (_JUMP_EQUAL, 0, 4, pid), (_LOAD, 0, 0, _low(signal)),
             (_JUMP_EQUAL, 2, 0, SIGKILL), (_JUMP_EQUAL, 1, 0, SIGSTOP), yes, no)  # fmt: skip
    when("prctl", (_LOAD, 0, 0, _low(0)), (_JUMP_EQUAL, 2, 0, PR_SET_NAME), (_JUMP_EQUAL, 1, 0, PR_GET_NAME),
         (_JUMP_EQUAL, 0, 1, PR_SET_VMA), yes, no)  # fmt: skip
    when("prlimit64", (_LOAD, 0, 0, _low(0)), (_JUMP_EQUAL, 0, 5, 0), (_LOAD, 0, 0, _low(2)), (_JUMP_EQUAL, 0, 3, 0),
         (_LOAD, 0, 0, _low(2) + 4), (_JUMP_EQUAL, 0, 1, 0), yes, no)  # fmt: skip
    commands = [(_JUMP_EQUAL, len(FCNTL_COMMANDS) - 1 - i, 0, command) for i, command in enumerate(FCNTL_COMMANDS)]
    commands[-1] = (_JUMP_EQUAL, 0, 1, FCNTL_COMMANDS[-1])
    when("fcntl", (_LOAD, 0, 0, _low(1)), *commands, yes, no)
    when("sendto", *_no_bits_but(3, SEND_FLAGS), *_is_null(4), yes)  # nowhere but to the grader
    when("recvfrom", *_no_bits_but(3, RECEIVE_FLAGS), yes)
    when("ioctl", yes if with_ioctl else (_RETURN, 0, 0, _ERRNO | ENOTTY))
    code.append(no)
    return b"".join(struct.pack("=HBBI", operation, true, false, k & 0xFFFFFFFF) for operation, true, false, k in code)


def own_program(with_ioctl: bool = False) -> bytes:
    """Return the filter for this machine and this process; empty where the machine's calls are not listed."""
    architecture = machine()
    return program(architecture, os.getpid(), with_ioctl) if architecture else b""


def _low(argument: int) -> int:
    """Return the offset of the low half of an argument (both architectures are little-endian)."""
    return 16 + 8 * argument


def _no_bits_but(argument: int, bits: int) -> list[tuple[int, int, int, int]]:
    """Return code that refuses the call if the (32-bit) argument has a bit that is not in ``bits``."""
    return [(_LOAD, 0, 0, _low(argument)), (_JUMP_ANY_BIT, 0, 1, ~bits), _NO]


def _is_null(argument: int) -> list[tuple[int, int, int, int]]:
    """Return code that refuses the call if either half of the argument is not zero."""
    halves = (_low(argument), _low(argument) + 4)
    return [line for half in halves for line in ((_LOAD, 0, 0, half), (_JUMP_EQUAL, 1, 0, 0), _NO)]
