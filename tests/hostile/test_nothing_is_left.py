"""After a run no process and no scratch folder is left, whoever was killed, and in whatever state the folder was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.boundary.nursery import Nursery
from autograder.boundary.student import Student
from autograder.errors import HarnessError, StudentCrashed, StudentError

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
