"""Run a command with fewer rights: ``python lesser_user.py MODE FOLDER COMMAND...``.

Started as root by ``test_with_fewer_rights.py``. ``MODE`` is ``user`` (an ordinary user who may use namespaces),
``user-without-namespaces``, or ``root-without-namespaces`` (as in a container); ``FOLDER`` becomes the home and the
temporary folder. In a mount namespace of its own, folders on the way to the interpreter and to this
project that an ordinary user may not enter are replaced by empty ones that hold only these two.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from pathlib import Path

from autograder.worker import confinement, syscalls

ORDINARY_USER = 61_234  # no account has it, so nothing else counts against its limits
ROOT = Path(__file__).resolve().parents[2]
UNSHARE = {"x86_64": 272, "aarch64": 97}
LOAD, JUMP_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP = 22


def open_the_way(*needed: Path) -> None:
    """Let everybody reach ``needed``, in this process's mounts only."""
    confinement.unshare(confinement.CLONE_NEWNS)
    confinement.mount("none", "/", flags=confinement.MS_REC | confinement.MS_PRIVATE)
    closed = sorted({parent for path in needed for parent in path.parents if not parent.stat().st_mode & stat.S_IXOTH})
    for folder in closed:
        if folder.stat().st_mode & stat.S_IXOTH:  # it lies in one that has just been replaced
            continue
        kept = {path: os.open(path, os.O_PATH) for path in needed if folder in path.parents}
        confinement.mount("tmpfs", str(folder), "tmpfs", options="mode=0755")
        for path, descriptor in kept.items():
            path.mkdir(parents=True, exist_ok=True)
            confinement.mount(f"/proc/self/fd/{descriptor}", str(path), flags=confinement.MS_BIND | confinement.MS_REC)
            os.close(descriptor)


def forbid_namespaces() -> None:
    """Have ``unshare`` and ``clone`` fail with EPERM when they ask for a user, mount or process namespace."""
    asked = confinement.CLONE_NEWUSER | confinement.CLONE_NEWNS | confinement.CLONE_NEWPID
    machine = syscalls.machine()
    listed = syscalls.numbers(machine)
    flags = (LOAD, 0, 0, 16)
    code = [(LOAD, 0, 0, 0)]
    for number in (UNSHARE[machine], listed["clone"]):
        code += [(JUMP_EQUAL, 0, 4, number), flags, (JUMP_ANY_BIT, 0, 1, asked)]
        code += [(RETURN, 0, 0, REFUSE | syscalls.EPERM), (RETURN, 0, 0, ALLOW)]
    code += [(JUMP_EQUAL, 0, 1, listed["clone3"]), (RETURN, 0, 0, REFUSE | syscalls.ENOSYS), (RETURN, 0, 0, ALLOW)]
    program = b"".join(struct.pack("=HBBI", *line) for line in code)
    lines = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=HxxxxxxQ", len(code), ctypes.addressof(lines))
    confinement.prctl(confinement.PR_SET_NO_NEW_PRIVS, 1)
    filtered = ctypes.create_string_buffer(header, len(header))
    result = ctypes.CDLL(None).prctl(PR_SET_SECCOMP, 2, filtered, 0, 0)
    assert result == 0, "the filter was refused"


def main(mode: str, folder: str, command: list[str]) -> None:
    """Give up the rights that ``mode`` leaves out, and run the command in this process's place."""
    open_the_way(Path(sys.base_prefix), ROOT)
    os.chdir(ROOT)
    if mode.startswith("user"):
        os.chown(folder, ORDINARY_USER, ORDINARY_USER)
        os.setgroups([])
        os.setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER)
        os.setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER)
    if mode.endswith("without-namespaces"):
        forbid_namespaces()
    os.environ.update(HOME=folder, TMPDIR=folder)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
