"""After a run no process, file, segment, queue or mount is left, whoever was killed and whatever a submission did."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from autograder.boundary.nursery import Nursery
from autograder.boundary.student import Student
from autograder.errors import HarnessError, StudentCrashed, StudentError
from tests.hostile.attackers import ATTACKERS, KEY, MARK
from tests.hostile.conftest import descendants
from tests.unit.toy import TOML, command, hand_in, make_course, notebook, staff_report

MESS = """
import os, sys, threading, time

def attack():
    os.mkdir("locked")
    open("locked/file", "w").close()
    os.mkdir("closed", 0)
    os.umask(0o777)
    open("mode-0", "w").close()
    os.umask(0)
    for number in range(1_100):
        os.mkdir("deep")
        os.chdir("deep")
    os.mkdir("end", 0)
    threading.Thread(target=time.sleep, args=(99,)).start()

def end():
    os._exit(0)
"""


@pytest.fixture
def scratch_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="root-") as name:
        os.chmod(name, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def processes(nursery: Nursery, below: Callable[[int], set[int]]) -> set[int]:
    assert nursery._process is not None
    return below(nursery._process.pid) | {nursery._process.pid}


def alive(pids: set[int]) -> set[int]:
    """Return those of ``pids`` that run (an unreaped end is an end)."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
    return found


def until(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_closed_student_and_a_stopped_nursery_leave_nothing(
    new_nursery: Callable[..., Nursery], student: Callable[..., Student], scratch_root: Path,
    processes_below: Callable[[int], set[int]],
) -> None:  # fmt: skip
    with new_nursery() as nursery:
        first = student("", spawn=nursery)
        first.fine()
        first.close()
        assert until(lambda: len(list(scratch_root.iterdir())) <= 1)  # that of the next worker
        before = len(processes(nursery, processes_below))
        for _ in range(2):
            one = student(MESS, spawn=nursery)
            one.attack()
            with pytest.raises(StudentCrashed, match="exit code 0"):
                one.end()
            one.attack()
            one.close()
        assert until(lambda: len(processes(nursery, processes_below)) <= before)
        assert until(lambda: len(list(scratch_root.iterdir())) <= 1)

        # and one that is stopped takes running workers with it
        one, two = student(MESS, spawn=nursery), student(MESS, spawn=nursery)
        one.attack()
        two.fine()
        everybody = processes(nursery, processes_below)
        assert len(everybody) >= 3  # the nursery, and two workers
    assert until(lambda: not alive(everybody))
    assert list(scratch_root.iterdir()) == []
    with pytest.raises(StudentError):
        one._worker.ask("state", "state", 1)  # type: ignore[union-attr]
    with pytest.raises(StudentCrashed):
        two.fine()
    with pytest.raises(HarnessError, match="the nursery is not started"):
        two.fine()


def test_a_killed_nursery_takes_its_workers_with_it(
    new_nursery: Callable[..., Nursery], student: Callable[..., Student], scratch_root: Path,
    processes_below: Callable[[int], set[int]],
) -> None:  # fmt: skip
    nursery = new_nursery()
    nursery.start()
    one = student("", spawn=nursery)
    one.fine()
    everybody = processes(nursery, processes_below)
    assert nursery._process is not None
    nursery._process.kill()
    assert until(lambda: not alive(everybody))
    assert not nursery.is_running
    with pytest.raises(HarnessError, match="the nursery is gone"):
        nursery.spawn()
    with pytest.raises(StudentCrashed):
        one.fine()
    with pytest.raises(HarnessError, match="the nursery is gone"):
        one.fine()
    nursery.stop()
    nursery.start()  # as the grader does once
    assert one.fine() == 42
    one.close()
    nursery.stop()
    nursery.stop()


def test_a_killed_worker_is_a_crash_of_that_call(student: Callable[..., Student]) -> None:
    one = student("")
    one.fine()
    signal.pidfd_send_signal(one._worker._pidfd, signal.SIGKILL)  # type: ignore[union-attr]
    with pytest.raises(StudentCrashed, match="fine: its process ended before it answered"):
        one.fine()
    assert one.fine() == 42
    assert one.workers_used == 2


GRADER = """
import sys, time
sys.path.insert(0, {root!r})
from autograder.boundary.installation import installation
from autograder.boundary.nursery import Nursery
from autograder.worker.confinement import Limits
nursery = Nursery(installation(["torch"]), Limits(256, 16, 60), preload=["torch"])
nursery.start()
worker = nursery.spawn()
print(nursery._process.pid, flush=True)
time.sleep(60)
"""


def test_a_killed_grader_takes_everything_with_it(
    scratch_root: Path, processes_below: Callable[[int], set[int]]
) -> None:
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", GRADER.format(root=str(root))], stdout=subprocess.PIPE, text=True,
        env={"PATH": os.defpath, "TMPDIR": str(scratch_root), "OMP_NUM_THREADS": "1"},
    ) as grader:  # fmt: skip
        assert grader.stdout is not None
        pid = int(grader.stdout.readline())
        everybody = processes_below(grader.pid)
        assert pid in everybody
        assert len(everybody) >= 3
        grader.kill()
    assert until(lambda: not alive(everybody))


# ---------------------------------------------------------------------------------------------- through the operator

PR_SET_CHILD_SUBREAPER = 36
SLOW_TOML = TOML.replace("call_s = 1.0", "call_s = 3.0").replace("total_s = 20.0", "total_s = 40.0")


@dataclass
class Traces:
    """Where a submission could leave something: each place, and what it is that is there.

    Attributes:
        temporary: the folder for temporary files of the operator and all that it starts.
        below: finds the processes below one.
        before: the processes that belonged to this one before.
    """

    temporary: Path
    below: Callable[[int], set[int]]
    before: set[int] = field(default_factory=set)

    def found(self) -> dict[str, list[str]]:
        """Return what is there, by place; a place without anything is left out."""
        shared = [Path(folder) for folder in ("/dev/shm", "/dev/mqueue", "/tmp", "/var/tmp", "/run", "/")]
        places = {
            "processes": [str(pid) for pid in alive(descendants(os.getpid())) - self.before],
            "temporary files": [path.name for path in self.temporary.iterdir()],
            "shared files": [str(path) for folder in shared for path in folder.glob(f"*{MARK}*")],
            "cores": [str(path) for path in Path.cwd().glob("core*")],
            "mounts": [
                line for line in Path("/proc/self/mountinfo").read_text().splitlines()
                if MARK in line or str(self.temporary) in line or " /sandbox " in line
            ],
            "queues": ["a POSIX queue"] if self._has_queue() else [],
            "SysV": [
                kind for kind in ("shm", "sem", "msg") if (path := Path("/proc/sysvipc", kind)).exists()
                and any(line.split()[0] == str(KEY) for line in path.read_text().splitlines()[1:])
            ],
        }  # fmt: skip
        return {place: what for place, what in places.items() if what}

    @staticmethod
    def _has_queue() -> bool:
        descriptor = ctypes.CDLL(None).mq_open(f"/{MARK}".encode(), os.O_RDONLY)
        if descriptor >= 0:
            os.close(descriptor)
        return bool(descriptor >= 0)


@pytest.fixture(scope="module")
def traces(nursery: Nursery) -> Iterator[Traces]:
    """This process becomes the parent of all orphans below it, so that none gets out of sight."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        os.chmod(folder, 0o755)
        yield Traces(Path(folder), descendants, descendants(os.getpid()))
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def test_what_is_left_would_be_found(traces: Traces) -> None:
    libc = ctypes.CDLL(None)
    assert traces.found() == {}
    names = {"file": traces.temporary / "left", "shared": Path(f"/dev/shm/{MARK}")}
    for path in names.values():
        path.touch()
    segment = libc.shmget(KEY, 4096, 0o1600)
    queue = libc.mq_open(f"/{MARK}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
    orphan = subprocess.run(
        ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"], capture_output=True, text=True, check=True
    )
    found = traces.found()
    try:
        expected = {"temporary files": ["left"], "shared files": [str(names["shared"])], "SysV": ["shm"],
                    "processes": [orphan.stdout.strip()], "queues": ["a POSIX queue"]}  # fmt: skip
        for place in [name for name, made in {"SysV": segment, "queues": queue}.items() if made < 0]:
            del expected[place]  # a machine that does not have them
        assert found == expected
    finally:
        for path in names.values():
            path.unlink()
        libc.shmctl(segment, 0, None)
        if queue >= 0:
            os.close(queue)
        libc.mq_unlink(f"/{MARK}".encode())
        os.kill(int(orphan.stdout), signal.SIGKILL)
        os.waitpid(int(orphan.stdout), 0)
    assert traces.found() == {}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, traces: Traces) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """All attackers, graded by the real command one after the other."""
    root = tmp_path_factory.mktemp("attackers")
    make_course(root, toml=SLOW_TOML)
    for name, attacker in ATTACKERS.items():
        hand_in(root, name, notebook(attacker.double))
    done = subprocess.run(
        command("grade", "toy", root / "submitted", "--out", root / "out", "--device", "cpu"), cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(traces.temporary)}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    return root / "out", done


def test_after_all_attackers_nothing_is_left(
    graded: tuple[Path, subprocess.CompletedProcess[str]], traces: Traces
) -> None:
    out, done = graded
    assert done.returncode == 0, done.stderr[-4_000:]
    assert until(lambda: traces.found() == {}, 10), traces.found()
    assert {path.name for path in out.iterdir() if path.is_dir()} == set(ATTACKERS)
    assert list(out.rglob(f"*{MARK}*")) == []


@pytest.mark.parametrize("name", ATTACKERS)
def test_an_attacker_is_contained(graded: tuple[Path, subprocess.CompletedProcess[str]], name: str) -> None:
    staff = staff_report(graded[0], name)
    points = {exercise.name: exercise.points for exercise in staff.report.exercises}
    messages = {check.id: check.message for check in staff.report.checks}
    assert points["halve"] == 2.0, messages
    if ATTACKERS[name].is_refused:
        assert points["double"] == 3.0, messages
    assert staff.incidents == ()
    assert not any(check.outcome in ("not_graded", "not_run") for check in staff.report.checks)
    assert len(staff.report.stdout_tail) <= 8_000
