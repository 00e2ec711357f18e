"""No fault of the machine loses a grade: after a rerun every report is there, once, and that of an undisturbed run.

Real processes and a real disk; ``benchmarks/faults.py`` does the same a thousand times at random moments.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.boundary.student import Student
from autograder.errors import StudentCrashed
from benchmarks.faults import processes_of, reports_in, rows_in
from tests.unit.toy import (
    CHECKS,
    DOUBLE,
    POISON,
    SQUARED,
    TOML,
    TOPIC,
    autograder,
    checks_of,
    command,
    hand_in,
    make_course,
    notebook,
    save,
    staff_report,
)

pytestmark = pytest.mark.skipif(
    "EXPECTED_LAYERS" in os.environ, reason="the machine's faults are the same for everybody"
)

SLOW = "import time\ntime.sleep(3)\n" + DOUBLE
CLASS = {"a quick one": notebook(), "b slow one": notebook(SLOW), "c wrong one": notebook(SQUARED)}
GRADE = ("grade", TOPIC, "submitted", "--device", "cpu", "--out", "reports")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Undisturbed:
    """A class that was graded without a fault."""

    out: Path
    reports: list[dict[str, Any]]


def write_class(root: Path, checks: str = CHECKS) -> None:
    make_course(root, checks, TOML.replace("cell_s = 2.0", "cell_s = 20.0").replace("call_s = 1.0", "call_s = 10.0"))
    for student, content in CLASS.items():
        hand_in(root, student, content)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    root = tmp_path_factory.mktemp("undisturbed")
    write_class(root)
    hand_in(root, "a quick one", "2024-11-22 12:00:00 UTC", "timestamp.txt")
    ended = autograder(*GRADE, cwd=root)
    assert (ended.returncode, ended.stderr.count("\n")) == (0, len(CLASS))
    return Undisturbed(root / "reports", reports_in(root / "reports"))


@pytest.fixture
def course(tmp_path: Path, undisturbed: Undisturbed) -> Path:
    """The same class, not graded yet."""
    source = undisturbed.out.parent
    for name in ("course.toml", "assignments", "reference", "tests", "submitted"):
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, tmp_path / name)
    return tmp_path


def is_undisturbed(out: Path, undisturbed: Undisturbed) -> bool:
    """Return whether every student has one report, one row, and what the undisturbed run says."""
    assert list(rows_in(out).values()) == [1] * len(CLASS)
    assert not list(out.rglob("*.tmp"))
    assert not (out / ".lock").exists()
    return reports_in(out) == undisturbed.reports


@contextlib.contextmanager
def in_the_middle(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Start to grade; go on when the first submission is graded and the code of the second one runs."""
    with subprocess.Popen(
        command(*GRADE), cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("[1/3] a quick one: 5/5"), first
        time.sleep(0.3)
        try:
            yield process
        finally:
            process.kill()


def is_running(pid: int) -> bool:
    """Return whether a process runs; an unreaped end is an end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# ---------------------------------------------------------------------------------------------- kill -9


@pytest.mark.parametrize("victim", ["grader", "nursery", "worker"])
def test_a_killed_process_is_replaced_within_the_run(course: Path, undisturbed: Undisturbed, victim: str) -> None:
    with in_the_middle(course) as process:
        killed = processes_of(process.pid)[victim]
        assert killed
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors
    assert is_undisturbed(course / "reports", undisturbed)


def test_a_run_whose_operator_is_killed_goes_on_where_it_was(course: Path, undisturbed: Undisturbed) -> None:
    with in_the_middle(course) as process:
        everybody = processes_of(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 1.5  # the submission that is being graded takes longer
        while any(is_running(pid) for pid in everybody["grader"]):
            assert time.monotonic() < deadline, "a grader outlives its operator, and writes beside the next run"
            time.sleep(0.02)
        ended = autograder(*GRADE, cwd=course)  # at once: nothing of the dead run blocks it
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith("[1/3] a quick one: 5/5 (kept)\n")
    assert is_undisturbed(course / "reports", undisturbed)
    assert [pid for pids in everybody.values() for pid in pids if is_running(pid)] == []


def test_what_ends_itself_is_not_taken_for_killed(student: Callable[..., Student]) -> None:
    for source, was_killed in (
        ("import os\ndef attack():\n    os._exit(9)", False),
        ("import ctypes\ndef attack():\n    ctypes.string_at(0)", False),
        ("import os, time\ndef attack():\n    os.closerange(3, 4096)\n    time.sleep(9)", False),  # we kill it then
        ("import time\ndef attack():\n    time.sleep(9)", True),
    ):
        one = student(source, call_s=20)
        one.fine()
        worker = one._worker
        assert worker is not None
        if was_killed:
            signal.pidfd_send_signal(worker._pidfd, signal.SIGKILL)
        with pytest.raises(StudentCrashed):
            one.attack()
        assert worker.was_killed is was_killed, source


def test_a_submission_that_kills_its_grader_is_set_aside_and_named(course: Path, undisturbed: Undisturbed) -> None:
    hand_in(course, "b slow one", notebook(halve=f"def halve(x):\n    return {POISON}\n"))
    ended = autograder(*GRADE, cwd=course)
    why = "its grader process ended 2 times (status -9)"
    assert ended.returncode == 1
    assert f"b slow one: not graded: {why}\n" in ended.stderr
    assert f"b slow one\tnot graded\t{why}\n" in ended.stdout
    page = (course / "reports" / "index.html").read_text(encoding="utf-8")
    assert rows_in(course / "reports")["b slow one"] == 1
    assert why in page
    report = staff_report(course / "reports", "b slow one").report
    assert (report.grade, report.points, report.points_not_graded, report.max_points) == (None, 0.0, 5.0, 5.0)
    assert {check.outcome for check in checks_of(report).values()} == {"not_graded"}
    others = [staff for staff in reports_in(course / "reports") if staff["report"]["student"] != "b slow one"]
    assert others == [undisturbed.reports[0], undisturbed.reports[2]]
    hand_in(course, "b slow one", CLASS["b slow one"])
    assert autograder(*GRADE, cwd=course).returncode == 0
    assert is_undisturbed(course / "reports", undisturbed)


def test_a_grader_without_memory_costs_nothing(tmp_path: Path) -> None:
    """MemoryError in the trusted process, once: the check is not graded, and is judged by the next run."""
    mark = tmp_path / "was short of memory"
    checks = CHECKS.replace(
        "    actual = student.halve(number)\n",
        "    actual = student.halve(number)\n"
        f"    if not os.path.exists({str(mark)!r}):\n"
        f"        open({str(mark)!r}, 'w').close()\n"
        "        raise MemoryError\n",
    )
    make_course(tmp_path, checks)
    hand_in(tmp_path, "ada", notebook())
    ended = autograder(*GRADE, cwd=tmp_path)
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (1, "ada\t4/5\tnot graded yet")
    assert "our fault (1 submission): check_halve[even]: MemoryError: \n" in ended.stderr
    ended = autograder(*GRADE, cwd=tmp_path)
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "ada\t5/5\t100.0 %")


# ---------------------------------------------------------------------------------------------- the disk


def in_own_mounts(root: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount; its mounts end with it."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def mounts() -> None:
    """Skip where a file system of our own cannot be mounted."""
    if shutil.which("unshare") is None or in_own_mounts(Path("/"), "mount -t tmpfs -o size=64k none /mnt").returncode:
        pytest.skip("no file system can be mounted here: not root, or a container")


def graded_line(*words: str) -> str:
    return " ".join(f"'{word}'" for word in command(*words))


def test_a_full_disk_keeps_what_is_graded_and_says_what_is_not(
    mounts: None, course: Path, undisturbed: Undisturbed
) -> None:
    files = list((undisturbed.out / "a quick one").iterdir())
    one = sum(-(-file.stat().st_size // PAGE) for file in files) * PAGE
    (course / "reports").mkdir()
    ended = in_own_mounts(
        course,
        f"mount -t tmpfs -o size={one * 3 // 2} none reports; {graded_line(*GRADE)} > first.out 2> first.err; "
        f"echo $? > first; cp -r reports first_reports; mount -o remount,size=64m reports; "
        f"{graded_line(*GRADE)} > second.out 2> second.err; echo $? > second; cp -r reports second_reports",
    )
    assert ended.returncode == 0, ended.stderr
    said = (course / "first.err").read_text()
    assert (course / "first").read_text() == "1\n", said
    assert [path.parent.name for path in (course / "first_reports").glob("*/report.staff.json")] == ["a quick one"]
    assert not list((course / "first_reports").rglob("*.tmp"))
    why = "not graded: reports/b slow one: it cannot be written: No space left on device."
    assert "Traceback" not in said
    assert f"b slow one: {why.replace('reports', str(course / 'reports'))}" in said
    assert "\nc wrong one: not graded: " in said
    assert "c wrong one\tnot graded\t" in (course / "first.out").read_text()
    assert (course / "second").read_text() == "0\n", (course / "second.err").read_text()
    assert "a quick one: 5/5 (kept)" in (course / "second.err").read_text()
    assert is_undisturbed(course / "second_reports", undisturbed)


@pytest.mark.parametrize("place", ["reports", "reports/deeper"])
def test_a_read_only_folder_is_refused_before_anything_is_graded(mounts: None, course: Path, place: str) -> None:
    (course / "reports").mkdir()
    words = [*GRADE[:-1], place]
    ended = in_own_mounts(course, f"mount -t tmpfs -o ro none reports; {graded_line(*words)}")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("autograder: ")
    assert ended.stderr.count("\n") == 1
    assert "expected a folder that can be written, got" in ended.stderr
    assert "Read-only file system." in ended.stderr


# ---------------------------------------------------------------------------------------------- two runs


def test_a_second_run_into_the_same_folder_is_refused(course: Path, undisturbed: Undisturbed) -> None:
    with in_the_middle(course) as process:
        process.send_signal(signal.SIGSTOP)  # it has the lock for as long as the others need to look
        second = autograder(*GRADE, cwd=course)
        drawn = autograder("report", "reports", cwd=course)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
    for ended in (second, drawn):
        assert ended.returncode == 2
        assert ended.stderr == (
            "autograder: reports: expected no other run that writes into this folder, got one. "
            "Wait until it has ended, or choose another folder.\n"
        )
    assert process.returncode == 0
    assert is_undisturbed(course / "reports", undisturbed)


# ---------------------------------------------------------------------------------------------- the clock

JUMPING_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    static unsigned calls;
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, now);
    if (id == CLOCK_REALTIME) now->tv_sec += ++calls % 2 ? 40000000 : -40000000;
    return status;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="the clock is moved with a library that needs a C compiler")
def test_a_wall_clock_that_jumps_changes_no_grade(course: Path, undisturbed: Undisturbed) -> None:
    """Each look at the wall clock is 15 months before or after the last one; limits and durations do not use it."""
    library, source = course / "clock.so", save(course / "clock.c", JUMPING_CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    code = "import time; first = time.time(); print(abs(time.time() - first) > 10**7)"
    looked = subprocess.run(
        [sys.executable, "-c", code], env={"LD_PRELOAD": str(library)}, capture_output=True, text=True, check=True
    )
    assert looked.stdout == "True\n", "the clock does not jump"
    ended = autograder(*GRADE, cwd=course, LD_PRELOAD=str(library))
    assert ended.returncode == 0, ended.stderr
    assert is_undisturbed(course / "reports", undisturbed)
    for student in CLASS:
        report = staff_report(course / "reports", student).report
        assert datetime.datetime.fromisoformat(report.environment.started_at).tzinfo == datetime.UTC
        seconds = [report.environment.duration_s, *(check.duration_s for check in report.checks)]
        assert all(0 <= duration_s < 60 for duration_s in seconds)
    assert staff_report(course / "reports", "a quick one").report.late_seconds == 25 * 3600
