"""The cage: what a nursery and then each worker give up, layer by layer, before the student's code is loaded.

Layers, in the order in which they are set up; each returns whether it is active, and the caller decides whether the
missing ones matter:

``namespaces``    a process, network, host-name and IPC world of its own, a file tree with only the installation
``uid``           an ordinary user's rights, where the grader runs as root
``capabilities``  none left, and ``no_new_privs``
``rlimits``       memory, processes, file size, open files, CPU time, no core
``landlock``      the installation read-only, one scratch folder writable; no TCP, no signals or sockets outside
``seccomp``       a list of allowed system calls (:mod:`autograder.worker.syscalls`)
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.worker import syscalls

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
SCRATCH = "/sandbox"  # where there is a file tree of our own; elsewhere a temporary folder
MOUNT_POINTS = ("/mnt", "/media", "/srv", "/tmp", "/var/tmp", "/proc")
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC = 1, 1
SIGKILL = 9
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_ALL_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
LANDLOCK_READ_DIRECTORY = 1 << 3
LANDLOCK_READ = 1 << 2 | LANDLOCK_READ_DIRECTORY
LANDLOCK_WRITE, LANDLOCK_CONTROL = 1 << 1, 1 << 15
LANDLOCK_FILE_ONLY = 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV
LANDLOCK_NO_DEVICES = ~(1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 15)  # no sockets, pipes, devices, links
LANDLOCK_EXECUTE = 1
NOBODY = 65_534
MAX_PROCESSES = 256  # threads of the unprivileged user, over all workers
MAX_OPEN_FILES = 256
ADDRESS_SPACE_SLACK = 1 << 30  # thread stacks and reserved, never touched address space
_LIMIT_NAMES = {
    getattr(resource, name): name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
}

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """What one worker may use: MiB of memory and of files, seconds of CPU, and the one CPU to run on (None: any)."""

    memory_mib: int
    scratch_mib: int
    cpu_s: int
    cpu: int | None = None


class ConfinementError(OSError):
    """A layer that was there a moment ago could not be set up."""


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise ConfinementError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` names for new ones."""
    _check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter (or, for processes, have the next children enter) the namespace of an open descriptor."""
    _check(_libc.setns(descriptor, kind), "setns")


def prctl(option: int, value: int = 0) -> None:
    """Call ``prctl`` with one argument."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent ends.

    The kernel forgets a parent that has ended before: with ``parent``, its process id as seen from here (0 from another
    process namespace), the process ends in that case as well.
    """
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), SIGKILL)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Call ``mount``."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode() or None
    )
    _check(result, f"mount {target}")


# ---------------------------------------------------------------------------------------------- the nursery


def enter_namespaces() -> None:
    """Give this process user (unless it is root), process, mount, network, host-name and IPC namespaces of its own.

    The calling process stays outside of the process namespace: its next child is the first in it.
    """
    uid, gid = os.geteuid(), os.getegid()
    world = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC
    if uid == 0:
        unshare(world)
        return
    unshare(CLONE_NEWUSER | world)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def build_root(readable: Sequence[str], masked: Sequence[str]) -> None:
    """Make a new root folder that holds only ``readable`` (read-only), devices, /proc and an empty scratch folder.

    A folder of ``masked`` that lies inside one of ``readable`` is empty.
    """
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    root = _mount_point(readable)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m,nr_inodes=4096")
    for path in sorted(set(readable)):
        _bind(path, root)
    for path in masked:
        if os.path.isdir(root + path):
            mount("tmpfs", root + path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=0755,size=4k,nr_inodes=2")
    for device in ("null", "zero", "random", "urandom"):
        _bind(f"/dev/{device}", root)
    for folder in ("/proc", SCRATCH, "/old"):
        os.mkdir(root + folder, 0o755)
    if not os.path.lexists(f"{root}/tmp"):  # it is there only if a part of the installation lies in it
        os.symlink(SCRATCH, f"{root}/tmp")
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    _check(_libc.pivot_root(root.encode(), f"{root}/old".encode()), "pivot_root")
    os.chdir("/")
    _check(_libc.umount2(b"/old", MNT_DETACH), "umount old root")
    os.rmdir("/old")
    mount("none", "/", flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _mount_point(readable: Sequence[str]) -> str:
    """Return an existing folder that can be covered, for nothing of ``readable`` lies in it."""
    for folder in MOUNT_POINTS:
        if os.path.isdir(folder) and not any(path.startswith(folder + "/") for path in readable):
            return folder
    raise ConfinementError(f"expected one of {', '.join(MOUNT_POINTS)} to be there and not to hold the installation")


def _bind(path: str, root: str) -> None:
    target = root + path
    if os.path.lexists(target):  # it lies inside a folder that is already there
        return
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    if os.path.islink(path):  # /lib -> usr/lib
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.mkdir(target, 0o755)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(path, target, flags=MS_BIND | MS_REC)
    flags = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    device = path.startswith("/dev/")
    mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | flags | (0 if device else MS_NODEV))


# ---------------------------------------------------------------------------------------------- the worker


def enter_private_tree(scratch_mib: int, has_gpu: bool = False) -> None:
    """In a worker inside namespaces: mount and IPC namespaces of its own, an empty scratch folder, and no /proc.

    CUDA does not start without one: with ``has_gpu`` it is that of the worker's own process namespace, and Landlock
    keeps it from being read.
    """
    unshare(CLONE_NEWNS | CLONE_NEWIPC)
    mount("tmpfs", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=0777,size={scratch_mib}m,nr_inodes=16384")
    if has_gpu:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    else:
        _check(_libc.umount2(b"/proc", MNT_DETACH), "umount /proc")


def become_nobody() -> None:
    """Change root's identity for that of the unprivileged user."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def drop_capabilities() -> None:
    """Give up every capability for good."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) != 0:
            break  # past the last one, or not allowed to: then there is none to lose
    header = struct.pack("=Ii", 0x20080522, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)


def limit_resources(limits: Limits, limit_address_space: bool = True) -> None:
    """Set the resource limits; memory counts from what the process has now.

    Raises:
        ConfinementError: if one of them cannot be set as it should be. With a looser one a worker could take what is
            others'; with a tighter one right code would fail for want of what the course promises.
    """
    used = _memory_now()
    memory = limits.memory_mib << 20
    values = {
        resource.RLIMIT_DATA: used["VmData"] + memory,
        resource.RLIMIT_FSIZE: limits.scratch_mib << 20,
        resource.RLIMIT_NPROC: MAX_PROCESSES,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if limits.cpu is not None:
        os.sched_setaffinity(0, {limits.cpu})
    if limit_address_space:
        values[resource.RLIMIT_AS] = used["VmSize"] + memory + ADDRESS_SPACE_SLACK
    for kind, value in values.items():
        # at the soft limit of CPU time a signal says why the process ends; at the hard limit it is killed
        _limit(kind, value, value + 1 if kind == resource.RLIMIT_CPU else value)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set one limit, and read it back: not every kernel that answers has done what it was asked."""
    with contextlib.suppress(ValueError, OSError):  # what the call says is of less use than what there is now
        resource.setrlimit(kind, (soft, hard))
    found = resource.getrlimit(kind)
    if found != (soft, hard):
        there = "unlimited" if found[1] == resource.RLIM_INFINITY else found[1]
        raise ConfinementError(
            f"{_LIMIT_NAMES[kind]}: expected to set it to {hard}, got {there} as the hard limit of this process. "
            "Raise the limit where the grader is started (ulimit -H)."
        )


def _memory_now() -> dict[str, int]:
    """Return the sizes in bytes that the kernel counts for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {name: int(found[name].split()[0]) << 10 for name in ("VmData", "VmSize")}


def landlock_version() -> int:
    """Return the version of Landlock that this kernel offers, 0 for none."""
    return max(0, int(_libc.syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)))


def restrict_files(
    readable: Sequence[str], listable: Sequence[str], writable: Sequence[str], devices: Sequence[str] = ()
) -> None:
    """Allow reading below ``readable``, everything but devices below ``writable``, and no other file at all.

    Below ``listable``, the names of the entries may be read. What is named in ``devices`` may be read, written and
    controlled.
    """
    version = landlock_version()
    handled = LANDLOCK_ALL_FILES[min(max(version, 1), 5)]
    attributes = struct.pack("=Q", handled)
    if version >= 4:
        attributes += struct.pack("=Q", 0b11)  # bind and connect TCP
    if version >= 6:
        attributes += struct.pack("=Q", 0b11)  # abstract sockets, signals
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    size = ctypes.c_size_t(len(attributes))
    ruleset = _check(int(_libc.syscall(SYS_LANDLOCK_CREATE, buffer, size, 0)), "landlock")
    for path in readable:
        _allow(ruleset, path, handled & LANDLOCK_READ)
    for path in listable:
        _allow(ruleset, path, LANDLOCK_READ_DIRECTORY)
    for path in writable:
        _allow(ruleset, path, handled & LANDLOCK_NO_DEVICES & ~LANDLOCK_EXECUTE)
    for device in ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"):
        _allow(ruleset, device, handled & (LANDLOCK_READ | LANDLOCK_WRITE))
    for device in devices:
        _allow(ruleset, device, handled & (LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_CONTROL))
    _check(int(_libc.syscall(SYS_LANDLOCK_RESTRICT, ruleset, 0)), "landlock")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= LANDLOCK_FILE_ONLY
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor), 12)
        _check(int(_libc.syscall(SYS_LANDLOCK_ADD, ruleset, 1, rule, 0)), f"landlock rule for {path}")
    finally:
        os.close(descriptor)


def filter_system_calls(with_ioctl: bool = False) -> None:
    """Install the list of allowed system calls in every thread; ``with_ioctl`` for a worker that talks to a GPU."""
    code = syscalls.own_program(with_ioctl)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    seccomp = syscalls.SECCOMP[syscalls.machine()]
    result = _libc.syscall(
        seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, ctypes.create_string_buffer(header, len(header))
    )
    if result > 0:
        raise ConfinementError(errno.EBUSY, f"seccomp: thread {result} could not be given the filter")
    _check(result, "seccomp")


def close_all_but(descriptor: int) -> None:
    """Close every open file but ``descriptor``; the standard streams lead nowhere."""
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, max(65_536, descriptor + 2))
