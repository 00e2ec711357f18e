"""The layers one by one, each in a forked process that gives up for good what it gives up."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import socket
import stat
import struct
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.worker import confinement
from autograder.worker.confinement import ConfinementError, Limits

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up what only root has")
NEEDS_LANDLOCK = pytest.mark.skipif(confinement.landlock_version() == 0, reason="this kernel has no Landlock")


def save_coverage() -> None:
    """Write what a forked process has measured, if anything measures and the file can still be written."""
    with contextlib.suppress(Exception):
        import coverage

        measured = coverage.Coverage.current()
        if measured is not None:
            measured.stop()
            measured.save()


def in_a_child(action: Callable[[], Any]) -> Any:
    """Return what ``action`` returns in a forked process; an exception there fails the test here."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = json.dumps({"result": action()})
        except BaseException:
            answer = json.dumps({"error": traceback.format_exc()})
        with contextlib.suppress(OSError):
            os.write(writing, answer.encode())
        save_coverage()
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    answered = json.loads(text)
    assert "error" not in answered, answered["error"]
    return answered["result"]


def fails_with(number: int, action: Callable[[], Any]) -> bool:
    try:
        action()
    except OSError as error:
        return error.errno == number
    return False


def test_a_call_that_fails_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def action() -> bool:
        confinement.drop_capabilities()
        try:
            confinement.mount("none", "/nowhere/at/all", "tmpfs")
        except ConfinementError as error:
            return "mount /nowhere/at/all: " in str(error)
        return False

    assert in_a_child(action)


@NEEDS_ROOT
def test_nobody_is_nobody() -> None:
    def action() -> list[Any]:
        confinement.become_nobody()
        return [os.getresuid(), os.getresgid(), os.getgroups(), fails_with(1, lambda: os.setuid(0))]

    assert in_a_child(action) == [[65_534] * 3, [65_534] * 3, [], True]


def test_groups_go_before_the_user_who_could_still_change_them(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *arguments, name=name: done.append(name))
    confinement.become_nobody()
    assert done == ["setgroups", "setresgid", "setresuid"]


@pytest.mark.parametrize("uid", [0, 1000])
def test_an_ordinary_user_needs_a_user_namespace(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    done: list[Any] = []

    class File:
        def __init__(self, path: str) -> None:
            self.path = path

        def write_text(self, text: str) -> None:
            done.append((self.path, text))

    monkeypatch.setattr(confinement, "Path", File)
    monkeypatch.setattr(confinement, "unshare", lambda flags: done.append(bool(flags & confinement.CLONE_NEWUSER)))
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    confinement.enter_namespaces()
    maps = [
        ("/proc/self/setgroups", "deny"),
        ("/proc/self/uid_map", "1000 1000 1"),
        ("/proc/self/gid_map", "100 100 1"),
    ]
    assert done == ([False] if uid == 0 else [True, *maps])


def test_the_new_root_covers_a_folder_without_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda path: path in ("/srv", "/tmp"))
    assert confinement._mount_point(["/usr/lib", "/srvx/python"]) == "/srv"
    assert confinement._mount_point(["/srv/python"]) == "/tmp"
    with pytest.raises(
        ConfinementError, match=r"expected one of /mnt, .* to be there and not to hold the installation"
    ):
        confinement._mount_point(["/srv/python", "/tmp/venv"])


def test_capabilities_are_gone_for_good() -> None:
    def action() -> dict[str, str]:
        status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
        before = {name: status[name] for name in ("NoNewPrivs",)}
        confinement.drop_capabilities()
        libc = ctypes.CDLL(None)
        dumpable = libc.prctl(3, 0, 0, 0, 0)
        held = ctypes.create_string_buffer(24)
        libc.capget(struct.pack("=Ii", 0x20080522, 0), held)
        no_new = libc.prctl(39, 0, 0, 0, 0)
        bounded = sum(libc.prctl(23, ctypes.c_ulong(c), 0, 0, 0) == 1 for c in range(41))
        return {
            "before": before["NoNewPrivs"],
            "held": held.raw.hex(),
            "after": str(no_new),
            "dumpable": str(dumpable),
            "bounding": str(bounded if os.getuid() == 0 else 0),
        }

    assert in_a_child(action) == {"before": "0", "held": "00" * 24, "after": "1", "dumpable": "0", "bounding": "0"}


def test_limits_count_from_what_the_process_has() -> None:
    def action() -> dict[str, Any]:
        confinement.limit_resources(Limits(memory_mib=100, scratch_mib=2, cpu_s=7))
        found = {
            name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
            for name in ("FSIZE", "NPROC", "NOFILE", "CPU", "CORE", "MEMLOCK")
        }
        held = bytearray(30 << 20)
        try:
            bytearray(200 << 20)
            found["memory"] = (0, len(held))
        except MemoryError:
            found["memory"] = (1, len(held))
        return found

    assert in_a_child(action) == {
        "FSIZE": [2 << 20] * 2,
        "NPROC": [256] * 2,
        "NOFILE": [256] * 2,
        "CPU": [7, 8],
        "CORE": [0, 0],
        "MEMLOCK": [0, 0],
        "memory": [1, 30 << 20],
    }


LIMITED = ("DATA", "FSIZE", "NPROC", "NOFILE", "CPU", "CORE", "MEMLOCK", "MSGQUEUE", "AS")


@pytest.mark.parametrize("name", [name for name in LIMITED if name not in ("CORE", "MEMLOCK", "MSGQUEUE")])
def test_a_limit_that_is_lower_already_is_a_refusal(name: str) -> None:
    """Right code would fail for want of what the course promises, and lose points."""

    def action() -> str:
        confinement.drop_capabilities()  # root may raise what it has lowered
        kind = getattr(resource, f"RLIMIT_{name}")
        lower = {"DATA": 60 << 20, "AS": 900 << 20, "FSIZE": 1 << 20, "NOFILE": 64}.get(name, 5)
        if name in ("DATA", "AS"):
            lower += confinement._memory_now()["VmData" if name == "DATA" else "VmSize"]
        resource.setrlimit(kind, (lower, lower))
        try:
            confinement.limit_resources(Limits(memory_mib=100, scratch_mib=2, cpu_s=7))
        except ConfinementError as error:
            return str(error).replace(f"got {lower} as", "got it as")
        return "no refusal"

    assert re.fullmatch(
        rf"RLIMIT_{name}: expected to set it to \d+, got it as the hard limit of this process. "
        r"Raise the limit where the grader is started \(ulimit -H\).",
        in_a_child(action),
    )


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_that_is_said_to_be_set_and_is_not_is_a_refusal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[int, tuple[int, int]] = {}
    deaf = getattr(resource, f"RLIMIT_{name}")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "setrlimit", lambda kind, value: kept.update({kind: value}))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: unlimited if kind == deaf else kept[kind])
    with pytest.raises(
        ConfinementError, match=rf"^RLIMIT_{name}: expected to set it to \d+, got unlimited as the hard"
    ):
        confinement.limit_resources(Limits(memory_mib=100, scratch_mib=2, cpu_s=7))
    assert set(kept) <= {getattr(resource, f"RLIMIT_{limited}") for limited in LIMITED}


def test_every_limit_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", lambda kind, value: kept.update({kind: value}))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: kept[kind])
    confinement.limit_resources(Limits(memory_mib=100, scratch_mib=2, cpu_s=7))
    assert set(kept) == {getattr(resource, f"RLIMIT_{limited}") for limited in LIMITED}
    confinement.limit_resources(Limits(100, 2, 7), limit_address_space=False)


@NEEDS_LANDLOCK
def test_only_what_is_named_can_be_read_and_written(tmp_path: Path) -> None:
    for name in ("readable", "writable", "secret"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "single").write_text("single")

    def action() -> dict[str, bool]:
        confinement.prctl(confinement.PR_SET_NO_NEW_PRIVS, 1)
        measured = [folder for folder in [os.path.dirname(os.environ.get("COVERAGE_FILE", ""))] if folder]
        confinement.restrict_files(
            [str(tmp_path / "readable"), str(tmp_path / "single"), "/no/such/file"],
            [str(tmp_path)],
            [str(tmp_path / "writable"), *measured],
        )
        return {
            "read": (tmp_path / "readable/file").read_text() == "readable",
            "single": (tmp_path / "single").read_text() == "single",
            "listed": "secret" in os.listdir(tmp_path),
            "written": (tmp_path / "writable/new").write_text("x") == 1,
            "null": open("/dev/null", "w").write("x") == 1,
            "secret": fails_with(13, (tmp_path / "secret/file").read_text),
            "outside": fails_with(13, lambda: os.listdir(tmp_path.parent)),
            "write below readable": fails_with(13, lambda: (tmp_path / "readable/new").write_text("x")),
            "change readable": fails_with(13, lambda: (tmp_path / "readable/file").write_text("x")),
            "pipe": fails_with(13, lambda: os.mkfifo(tmp_path / "writable/pipe")),
            "symlink": fails_with(13, lambda: os.symlink("file", tmp_path / "writable/link")),
            "kill": fails_with(1, lambda: os.kill(os.getppid(), 0)) or confinement.landlock_version() < 6,
            "run": fails_with(13, lambda: os.execv("/bin/true", ["true"])),
        }

    assert [name for name, holds in in_a_child(action).items() if not holds] == []


def test_older_kernels_are_asked_for_what_they_know(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Libc:
        @staticmethod
        def syscall(number: int, first: Any, second: Any, third: int = 0, *rest: Any) -> int:
            if number == confinement.SYS_LANDLOCK_CREATE and first is not None:
                asked.append((struct.unpack_from("=Q", first.raw)[0], second.value))
                return os.open("/dev/null", os.O_RDONLY)
            return 0

    monkeypatch.setattr(confinement, "_libc", Libc)
    for version in (1, 2, 3, 4, 5, 6, 7, 99):
        monkeypatch.setattr(confinement, "landlock_version", lambda version=version: version)
        confinement.restrict_files(["/usr"], ["/usr/lib"], ["/tmp"])
    assert [bits.bit_length() for bits, _ in asked] == [13, 14, 15, 15, 16, 16, 16, 16]
    assert [size for _, size in asked] == [8, 8, 8, 16, 16, 24, 24, 24]


def test_the_filter_refuses_at_once() -> None:
    def action() -> list[bool]:
        confinement.filter_system_calls()
        return [
            fails_with(1, os.fork),
            fails_with(1, socket.socket),
            fails_with(1, lambda: os.kill(os.getppid(), 0)),
            os.getpid() > 0,
        ]

    assert in_a_child(action) == [True] * 4


def test_the_filter_reaches_threads_that_were_there_before() -> None:
    """CUDA has some; what student code writes into their memory they would do for it."""

    def action() -> list[bool]:
        begin, refused = threading.Event(), []

        def wait_and_try() -> None:
            begin.wait()
            refused.extend([fails_with(1, socket.socket), fails_with(1, lambda: os.kill(os.getppid(), 0))])

        thread = threading.Thread(target=wait_and_try)
        thread.start()
        confinement.filter_system_calls()
        begin.set()
        thread.join()
        return refused

    assert in_a_child(action) == [True] * 2


def test_a_thread_that_cannot_be_filtered_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "prctl", lambda option, value=0: None)
    monkeypatch.setattr(confinement, "_libc", SimpleNamespace(syscall=lambda *words: 4711))
    with pytest.raises(ConfinementError, match="seccomp: thread 4711 could not be given the filter"):
        confinement.filter_system_calls()


def test_all_files_but_one_are_closed() -> None:
    ours, theirs = socket.socketpair()

    def action() -> bool:
        kept = theirs.fileno()
        extra = os.dup2(kept, 900)
        confinement.close_all_but(kept)
        open_now = [number for number in range(1_000) if not fails_with(9, partial(os.fstat, number))]
        null = all(stat.S_ISCHR(os.fstat(number).st_mode) for number in (0, 1, 2))
        theirs.send(json.dumps([open_now == [0, 1, 2, kept], null, extra]).encode())
        return True

    with ours, theirs:
        with pytest.raises(json.JSONDecodeError):
            in_a_child(action)  # its way to answer is closed too
        assert json.loads(ours.recv(100)) == [True, True, 900]


def has_ended(pid: int) -> bool:
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        signal.sigtimedwait([], 0.01)
    return False


@pytest.mark.parametrize("parent_ends", ["later", "before"])
def test_a_child_dies_with_its_parent(parent_ends: str) -> None:
    reading, writing = os.pipe()

    def action() -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            while parent_ends == "before" and os.getppid() == parent:
                signal.sigtimedwait([], 0.001)
            confinement.die_with_parent(parent)
            os.write(writing, b"alive")
            signal.pause()
        if parent_ends == "later":
            os.read(reading, 5)
        return pid

    assert has_ended(in_a_child(action))
    os.close(writing)
    assert os.read(reading, 5) == b""
    os.close(reading)
