"""The grader process: the hidden checks, the reference and the expected values live here, and no student code.

Started by the operator with ``python -m autograder.grading.grader FD``. Over the socket ``FD`` it gets its job, then
one submission per line; it answers each with a line when the report is written.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import pytest
import torch

from autograder.boundary.installation import installation
from autograder.boundary.nursery import Branch, Nursery, SandboxSettings
from autograder.boundary.student import CallLimits, Student
from autograder.boundary.worker import Worker
from autograder.course import Course, Topic, TopicTable, version_of
from autograder.errors import AutograderError, HarnessError, NotWritten, NurseryGone, UsageError
from autograder.grading import visible
from autograder.grading.assemble import Ran, assemble, unreadable
from autograder.grading.devices import CPU, CUDA, SLOWDOWN, devices_of
from autograder.grading.plugin import ChecksPlugin, Verdict
from autograder.reports.models import AppliedLimits, Environment, Sources, StaffReport
from autograder.reports.store import write_report
from autograder.reports.words import notes_of
from autograder.submissions import submission as submissions
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located, Submission
from autograder.worker.confinement import Limits, die_with_parent

HERE = Path(__file__).parent
TRIES = 3  # of a submission whose workers somebody else has ended, each from the beginning
KILLED = f"its worker was ended from outside in {TRIES} tries (is the machine out of memory?)"
# pytest's plugins that a hidden check has no use for; each costs time in every check
UNUSED_PLUGINS = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin",
    "recwarn", "setuponly", "setupplan", "stepwise", "terminal", "threadexception", "tmpdir", "unittest",
    "unraisableexception", "warnings",
)  # fmt: skip


@dataclass
class Job:
    """What one grader process does until its socket closes.

    Attributes:
        course: the course whose limits and policy apply.
        name: the assignment's word.
        table: its table in ``course.toml``.
        grader: the file of checks.
        manifest: the release's cells.
        grader_sha256: the hash of all that decides points beside the submission.
        out: the folder for the reports.
        devices: that checks run on, the CPU first.
        sources: the hash of each part of that, if there is a course.
    """

    course: Course
    name: str
    table: TopicTable
    grader: Path
    manifest: Manifest
    grader_sha256: str
    out: Path
    devices: tuple[str, ...] = (CPU,)
    sources: Sources | None = None


@dataclass(frozen=True)
class SetAside(Located):
    """A submission that takes grader processes down with it: its code is not run, its report says why."""

    why: str = ""


@dataclass
class _Current:
    """The submission that is being graded, when that began on both clocks, and how often it was tried in vain."""

    submission: Submission
    clock: float
    at: datetime.datetime
    why_not: str = ""
    failed_tries: int = 0
    is_done: bool = False


def run_checks(
    job: Job, nursery: Nursery, arriving: Iterator[Located], answer: Callable[[StaffReport, Student], None]
) -> None:
    """Collect the checks once and grade each submission that arrives.

    Args:
        job: what to grade.
        nursery: where workers come from.
        arriving: the submissions, as they are handed out.
        answer: called with each finished report.

    Raises:
        HarnessError: if the checks cannot be collected or run.
    """
    limits = job.course.file.limits
    call_limits = CallLimits(limits.call_s, limits.cell_s, limits.total_s)
    environment = Environment(  # of every submission, but for the moment and the duration
        python=platform.python_version(),
        torch=torch.__version__,
        torchvision=version_of("torchvision"),
        platform=platform.platform(terse=True),
        devices=job.devices,
        sandbox_layers=nursery.layers,
        grader_sha256=job.grader_sha256,
        started_at="",
        duration_s=0.0,
        sources=job.sources,
        limits=AppliedLimits.model_validate(limits.model_dump()),
    )
    current: _Current
    workers = {device: Workers(nursery, device) for device in job.devices}

    def students() -> Iterator[Student]:
        for located in arriving:
            nonlocal current
            clock, at = time.perf_counter(), datetime.datetime.now(datetime.UTC)
            submission = submissions.read(located, job.name, job.manifest)
            why_not = located.why if isinstance(located, SetAside) else ""
            current = _Current(submission, clock, at, why_not)
            while not current.is_done:
                student = Student(
                    workers[CPU].spawn,
                    () if why_not else submission.cells,
                    module_name=submission.module_name or "__main__",
                    files={} if why_not else submission.files,
                    limits=call_limits,
                )
                with contextlib.closing(student):
                    yield student

    def done(student: Student, verdicts: list[Verdict]) -> None:
        submission = current.submission
        if [found for found in workers.values() if found.has_lost_one()]:  # of each: it also forgets
            current.failed_tries += 1
            if current.failed_tries < TRIES:
                return
            current.why_not = current.why_not or KILLED
        current.is_done = True
        if current.why_not:
            ran = Ran([Verdict(verdict.check, faults=[current.why_not]) for verdict in verdicts])
        elif submission.unreadable:
            ran = unreadable(verdicts, submission.unreadable)
        else:
            ran = Ran(verdicts, list(student.failures.values()), student.ignored, student.stdout_tail)
        now = {
            "sandbox_layers": nursery.layers,  # a nursery that was started again may have others
            "started_at": current.at.isoformat(timespec="seconds"),
            "duration_s": round(time.perf_counter() - current.clock, 6),
        }
        graded_by = environment.model_copy(update=now)
        report = assemble(job.name, job.table, submission, ran, graded_by, job.course.file.feedback.show)
        answer(report, student)

    accelerators = {device: found.spawn for device, found in workers.items() if device != CPU}
    plugin = ChecksPlugin(job.course.file.course.seed, students(), done, accelerators)
    arguments = [
        str(job.grader),
        f"--rootdir={job.course.root}",
        f"--config-file={HERE / 'pytest.ini'}",
        f"--confcutdir={job.grader.parent}",  # no conftest.py from above the hidden checks
        "--import-mode=prepend",
        "--assert=plain",
        *(f"-pno:{name}" for name in UNUSED_PLUGINS),
    ]
    sys.dont_write_bytecode = True  # cached code of a check that is edited within the same second would be stale
    with contextlib.ExitStack() as open_workers:
        for found in workers.values():
            open_workers.callback(found.close)
        status = pytest.main(arguments, plugins=[plugin])
    if isinstance(plugin.failure, HarnessError):
        raise HarnessError(f"{job.grader.name}: {plugin.failure}") from plugin.failure
    if plugin.failure is not None:
        raise plugin.failure
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise HarnessError(f"{job.grader.name}: the hidden checks cannot be run: pytest ended with {status!r}")


class Workers:
    """Gives fresh workers for one device; a nursery that has died (the machine was out of memory, say) is replaced.

    A GPU that could not be used once is not tried again: points do not depend on it, and each try takes seconds.
    """

    def __init__(self, nursery: Nursery, device: str) -> None:
        self._nursery = nursery
        self._device = device
        self._branch = None if device == CPU else Branch(nursery, device)
        self._failed: HarnessError | None = None
        self._given: list[Worker] = []

    def spawn(self) -> Worker:
        """Return a fresh worker; start what has died once more."""
        if self._failed is not None:
            raise self._failed
        self._given.append(self._fresh())
        return self._given[-1]

    def has_lost_one(self) -> bool:
        """Return whether somebody else has ended a worker that was given since this was asked the last time."""
        given, self._given = self._given, []
        return any(worker.was_killed for worker in given)

    def _fresh(self) -> Worker:
        for is_second in (False, True):  # one that was killed before it was ready is replaced
            try:
                return self._spawn()
            except HarnessError as error:
                if self._device == CUDA:
                    self._failed = error
                    raise
                if not self._nursery.is_running or isinstance(error, NurseryGone):
                    break
                if is_second:
                    raise
        if self._branch is not None:
            self._branch.stop()
            with contextlib.suppress(NurseryGone):
                return self._spawn()
        self._nursery.stop()
        self._nursery.start()
        return self._spawn()

    def _spawn(self) -> Worker:
        if self._branch is None:
            return self._nursery.spawn()
        if not self._branch.is_running:
            self._branch.stop()
            self._branch.start()
        return self._branch.spawn()

    def close(self) -> None:
        """End the branch, if there is one; the nursery is not ours."""
        if self._branch is not None:
            self._branch.stop()


@contextlib.contextmanager
def sharing_one_cpu(nursery: Nursery, cpu: int | None) -> Iterator[Nursery]:
    """Start a nursery; let this process and its workers share one CPU, if one is given.

    They never run at the same time. On two CPUs each would have to wake the other for every call, and both would run
    with cold caches; the fork of the next worker still goes on beside them.
    """
    if cpu is None:
        with nursery:
            yield nursery
        return
    everywhere = os.sched_getaffinity(0)
    nursery.limits = replace(nursery.limits, cpu=cpu)
    with nursery:
        os.sched_setaffinity(0, {cpu})
        try:
            yield nursery
        finally:
            os.sched_setaffinity(0, everywhere)


def open_nursery(course: Course, has_gpu: bool = False) -> Nursery:
    """Return a nursery (not yet started) with the limits, packages and layers that the course asks for."""
    limits, worker = course.file.limits, course.file.worker
    for name in worker.preload:
        if find_spec(name.partition(".")[0]) is None:
            raise UsageError(
                f"course.toml: expected the module {name} (preload) to be installed, got none. "
                "Install it, or leave it out."
            )
    seen = installation(worker.packages, has_gpu)
    for name in ("torch", *worker.preload):
        package = name.partition(".")[0]
        origin = getattr(find_spec(package), "origin", None) or ""
        if os.path.isabs(origin) and not any(origin == path or origin.startswith(path + "/") for path in seen.readable):
            raise UsageError(
                f"course.toml: expected {package} among worker.packages, for workers import {name}, "
                f"got {', '.join(worker.packages) or 'none'}. Add it."
            )
    return Nursery(
        seen,
        # threads on all CPUs reach the limit of wall-clock time first, which is the student's fault and read as such
        Limits(
            limits.memory_mib,
            limits.scratch_mib,
            (int(limits.total_s * max(SLOWDOWN.values())) + 1) * len(os.sched_getaffinity(0)),
        ),
        SandboxSettings(required=tuple(course.file.sandbox.required)),
        worker.preload,
    )


def _job_of(settings: dict[str, Any]) -> Job:
    course = Course.read(Path(settings["course"]))
    topic: Topic = course.topic(settings["topic"])
    return Job(
        course.for_topic(topic.table),
        topic.name,
        topic.table,
        topic.grader,
        Manifest.read(topic.release),
        topic.grader_sha256,
        Path(settings["out"]),
        _devices_for(settings.get("device", CPU)),
        topic.sources,
    )


def _devices_for(choice: str) -> tuple[str, ...]:
    has_gpu = choice in ("auto", CUDA) and torch.cuda.is_available()
    if choice == CUDA and not has_gpu:
        raise UsageError("--device: expected a machine with a GPU and a CUDA build of torch for 'cuda', got neither.")
    return devices_of(choice, has_gpu)


def _visible_job_of(settings: dict[str, Any]) -> Job:
    """Return a job that runs a notebook's own visible tests, with the limits of its topic if there is a course."""
    path = Path(settings["visible"])
    manifest = Manifest.read(path)
    tests = manifest.having("test")
    if not tests:
        raise UsageError(f"{path.name}: expected a notebook with visible tests, got none.")
    visible.cells.set(
        tuple(visible.VisibleCell(cell.grade_id, cell.grade_id.removeprefix("test_"), cell.source) for cell in tests)
    )
    course = Course.read(Path(settings["course"]))
    table = course.file.topics.get(path.stem, TopicTable(points=0))
    own = table.limits.model_copy(update={"call_s": table.limits.cell_s or course.file.limits.cell_s})
    course = course.for_topic(table.model_copy(update={"limits": own}))  # what is called here are cells
    return Job(
        course, path.stem, TopicTable(points=0), HERE / "grade_visible.py", manifest, "visible", Path(settings["out"])
    )


def _arriving(lines: IO[str]) -> Iterator[Located]:
    for line in lines:
        item = json.loads(line)
        path, folder = (Path(item[name]) if item[name] else None for name in ("path", "folder"))
        why = item.get("set_aside")
        yield SetAside(item["student"], path, folder, why) if why else Located(item["student"], path, folder)


def main(descriptor: int) -> None:
    """Serve one operator."""
    with (
        socket.socket(fileno=descriptor) as connection,
        connection.makefile("r", encoding="utf-8", errors="surrogateescape") as lines,
    ):
        try:
            _serve(connection, lines)
        except AutograderError as error:
            with contextlib.suppress(OSError):
                _say(connection, {"failed": type(error).__name__, "message": str(error)})
        except (BrokenPipeError, ConnectionResetError):
            return  # the operator is gone: what is graded is written, the rest is for another run
        except OSError as error:  # a report that cannot be written, say: the operator tries it once more, and names it
            sys.exit(f"autograder: the machine refused {error.filename!r}: {error.strerror}")


def _serve(connection: socket.socket, lines: IO[str]) -> None:
    first = lines.readline()
    if not first:
        return  # the operator is gone
    settings = json.loads(first)
    torch.set_num_threads(1)
    job = _visible_job_of(settings) if settings.get("visible") else _job_of(settings)
    sys.path[:0] = [str(job.course.root)]

    def answer(staff: StaffReport, student: Student) -> None:
        report = staff.report
        try:
            write_report(job.out, staff)
        except NotWritten as error:
            unwritten = {"not_written": report.student, "why": str(error), "is_of_the_disk": error.is_of_the_disk}
            _say(connection, unwritten)
            return
        message = {
            "done": report.student,
            "points": report.points,
            "max_points": report.max_points,
            "grade": report.grade,
            "faults": [f"{fault.check}: {fault.detail}" for fault in staff.incidents],
            "notes": notes_of(report),
            "has_not_graded": report.has_not_graded,
            "duration_s": staff.duration_s,
            "student_s": student.student_seconds,
        }
        _say(connection, message)

    with sharing_one_cpu(open_nursery(job.course, CUDA in job.devices), settings.get("cpu")) as nursery:
        _say(connection, {"ready": list(nursery.layers)})
        run_checks(job, nursery, _arriving(lines), answer)


def _say(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    die_with_parent()  # a new run may begin as soon as the operator has ended: this process must not write into it
    main(int(sys.argv[1]))
