"""The operator: finds what is to be graded, keeps the grader processes busy, and loses nothing when one of them dies.

It imports neither torch nor any content of the course.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.boundary.ending import has_ended
from autograder.course import Topic
from autograder.errors import HarnessError, SandboxUnavailable, UsageError
from autograder.grading.devices import CHOICES
from autograder.reports.integrity import Recorder
from autograder.reports.models import StaffReport
from autograder.reports.store import kept_report, locked
from autograder.reports.words import notes_of
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located, read

TRIES = 2  # a submission that takes its grader process down with it is set aside after the second time
STARTS = 2  # in a row, of a grader process that is gone before it is ready
STOP_TIMEOUT_S = 10.0
MAX_LINE = 1 << 20


@dataclass(frozen=True)
class Graded:
    """One finished submission, as its grader process told it."""

    student: str
    points: float
    max_points: float
    grade: float | None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    duration_s: float = 0.0
    student_s: float = 0.0
    was_cached: bool = False


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        graded: who has a report in which the checks are judged.
        set_aside: who has not, and why.
        layers: the sandbox's active layers.
    """

    graded: list[Graded] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every submission has a report in which every check is judged, and no fault of ours came to light."""
        return not self.set_aside and all(item.grade is not None and not item.faults for item in self.graded)


class _Grader:
    """One grader process and the submission it is busy with."""

    def __init__(self, settings: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(
                    # -P: no module comes from the current folder, which may be a student's
                    [sys.executable, "-P", "-m", "autograder.grading.grader", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr.fileno() if _has_fileno(sys.stderr) else subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    start_new_session=True,  # Ctrl-C is the operator's
                )
            except OSError as error:
                ours.close()
                raise HarnessError(f"a grader process cannot be started: {error.strerror}") from error
        self.connection = ours
        self.busy_with: Located | None = None  # none before it is ready
        self._buffer = b""
        self.send(settings)

    def send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is noticed when it is read
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def hand(self, located: Located, set_aside: str = "") -> None:
        """Give it a submission to grade or, with a reason, one to write a report about without running its code."""
        self.busy_with = located
        self.send(
            {
                "student": located.student,
                "path": str(located.path.resolve()) if located.path else None,
                "folder": str(located.folder.resolve()) if located.folder else None,
                "set_aside": set_aside,
            }
        )

    def messages(self) -> list[dict[str, Any]] | None:
        """Return the messages that have come, or ``None`` when the process is gone."""
        try:
            data = self.connection.recv(MAX_LINE)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """Close its socket; wait, terminate, wait, kill."""
        self.connection.close()
        has_ended(self.process, STOP_TIMEOUT_S, STOP_TIMEOUT_S)


def grade(
    topic: Topic,
    submissions: Iterable[Located],
    out: Path,
    *,
    jobs: int = 1,
    device: str = "auto",
    is_forced: bool = False,
    progress: Callable[[Graded], None] = lambda graded: None,
) -> Outcome:
    """Grade submissions of one topic into ``out``; what is already graded with the same inputs is kept.

    Args:
        topic: the topic.
        submissions: where they lie.
        out: the folder for the reports.
        jobs: how many grader processes work side by side.
        device: which devices checks run on, a key of :data:`autograder.grading.devices.CHOICES`.
        is_forced: grade also what has a report.
        progress: called with each submission that is done.

    Raises:
        UsageError: if another run writes into ``out``, or it cannot be written.
        SandboxUnavailable: if student code cannot be confined as the course demands.
        HarnessError: if the hidden checks cannot be run at all.
    """
    with locked(out):
        return _grade(topic, submissions, out, jobs, device, is_forced, progress)


def _grade(
    topic: Topic,
    submissions: Iterable[Located],
    out: Path,
    jobs: int,
    device: str,
    is_forced: bool,
    progress: Callable[[Graded], None],
) -> Outcome:
    outcome = Outcome()
    waiting: deque[Located] = deque()
    manifest = Manifest.read(topic.release)
    recorder = Recorder(out, is_forced)
    for located in submissions:
        staff = kept_report(out, located.student)
        if staff is not None and staff.report.assignment != topic.name:
            raise UsageError(
                f"--out: expected a folder for reports of {topic.name}, got {str(out)!r} with a report of "
                f"{staff.report.assignment} for {located.student!r}. Choose another folder."
            )
        is_due = is_forced or recorder.is_changed(located.student)
        cached = None if staff is None or is_due else _cached(topic, located, manifest, staff, device)
        if cached is None:
            waiting.append(located)
        else:
            outcome.graded.append(cached)
            progress(cached)
    recorder.forget(located.student for located in waiting)
    try:
        if waiting:
            settings = {"course": str(topic.course.root / "course.toml"), "topic": topic.name,
                        "out": str(out.resolve()), "device": device}  # fmt: skip
            _Run(settings, waiting, outcome, progress).run(jobs)
    finally:
        kept = [item.student for item in outcome.graded if item.was_cached]
        recorder.record([item.student for item in outcome.graded if not item.was_cached], kept)
    order = {graded.student: graded for graded in outcome.graded}
    outcome.graded = [order[name] for name in sorted(order)]
    return outcome


def check_visible(file: Path, course_file: Path, out: Path) -> Graded:
    """Run the visible tests of one notebook into ``out``."""
    outcome = Outcome()
    settings = {"course": str(course_file), "visible": str(file.resolve()), "out": str(out.resolve())}
    with locked(out):
        _Run(settings, deque([Located(file.stem, file)]), outcome, lambda graded: None).run(1)
    if not outcome.graded:
        raise HarnessError(f"{file.name}: it could not be checked: {'; '.join(outcome.set_aside.values())}")
    return outcome.graded[0]


def cpus_for(jobs: int) -> list[int | None]:
    """Return the CPU of each grader process: one each where there are enough, beginning anywhere; else any."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < max(jobs, 2):
        return [None] * jobs
    start = os.getpid()  # two operators on one machine should not choose the same
    return [available[(start + number) % len(available)] for number in range(jobs)]


class _Run:
    """Hands out the waiting submissions until none is left."""

    def __init__(
        self,
        settings: dict[str, Any],
        waiting: deque[Located],
        outcome: Outcome,
        progress: Callable[[Graded], None],
    ) -> None:
        self._settings = settings
        self._waiting = waiting
        self._outcome = outcome
        self._progress = progress
        self._tries: dict[str, int] = {}
        self._failed_starts = 0
        self._graders: list[_Grader] = []
        self._cpus: deque[int | None] = deque()
        self._selector = selectors.DefaultSelector()

    def run(self, jobs: int) -> None:
        """Work with up to ``jobs`` grader processes."""
        try:
            jobs = max(1, min(jobs, len(self._waiting)))
            self._cpus.extend(cpus_for(jobs))
            for _ in range(jobs):
                self._start()
            while self._graders:
                for key, _ in self._selector.select():
                    self._listen(key.data)
        finally:
            for grader in self._graders:  # only after an error or Ctrl-C: none of them is waited for
                grader.process.terminate()
            for grader in self._graders:
                grader.stop()
            self._selector.close()

    def _start(self) -> None:
        grader = _Grader({**self._settings, "cpu": self._cpus[0]})
        self._cpus.rotate(-1)
        self._graders.append(grader)
        self._selector.register(grader.connection, selectors.EVENT_READ, grader)

    def _retire(self, grader: _Grader) -> None:
        self._selector.unregister(grader.connection)
        self._graders.remove(grader)
        grader.stop()

    def _listen(self, grader: _Grader) -> None:
        messages = grader.messages()
        if messages is None:
            self._lost(grader)
            return
        for message in messages:
            if message.get("failed") == "NurseryGone":
                self._lost(grader)
                return
            if "failed" in message:
                kind = {"SandboxUnavailable": SandboxUnavailable, "UsageError": UsageError}.get(message["failed"])
                raise (kind or HarnessError)(message["message"])
            if "ready" in message:
                self._outcome.layers = tuple(message["ready"])
                self._failed_starts = 0
            elif "not_written" in message:
                self._not_written(message["not_written"], message["why"], message["is_of_the_disk"])
            else:
                graded = _graded(message)
                if graded.student not in self._outcome.set_aside:
                    self._outcome.graded.append(graded)
                self._progress(graded)
            grader.busy_with = None
        self._next(grader)

    def _next(self, grader: _Grader) -> None:
        if self._waiting:
            located = self._waiting.popleft()
            grader.hand(located, self._outcome.set_aside.get(located.student, ""))
        else:
            self._retire(grader)

    def _lost(self, grader: _Grader) -> None:
        """A grader process has died: try what it was busy with once more, in a new one, then set it aside."""
        located = grader.busy_with
        self._retire(grader)
        status = grader.process.returncode
        if located is None:
            self._failed_starts += 1
            if self._failed_starts == STARTS:
                raise HarnessError(f"the grader process ended with status {status} before it graded anything")
        else:
            tries = self._tries[located.student] = self._tries.get(located.student, 0) + 1
            if tries == TRIES:
                why = f"its grader process ended {TRIES} times (status {status})"
                self._outcome.set_aside.setdefault(located.student, why)
            if tries <= TRIES:  # at last for a report that says so
                self._waiting.append(located)
        if self._waiting:
            self._start()

    def _not_written(self, student: str, why: str, is_of_the_disk: bool) -> None:
        """A report could not be written: set the student aside, and all that wait where the same would happen."""
        self._outcome.set_aside[student] = why
        if is_of_the_disk:
            for located in self._waiting:
                self._outcome.set_aside[located.student] = why
            self._waiting.clear()


def _graded(message: dict[str, Any]) -> Graded:
    return Graded(
        message["done"],
        message["points"],
        message["max_points"],
        message["grade"],
        tuple(message["faults"]),
        tuple(message["notes"]),
        message["duration_s"],
        message["student_s"],
    )


def _cached(topic: Topic, located: Located, manifest: Manifest, staff: StaffReport, device: str) -> Graded | None:
    """Return what an existing report says, if it is of the same submission, checks and devices, and complete."""
    report = staff.report
    same = (topic.grader_sha256, read(located, topic.name, manifest).sha256)
    if (report.environment.grader_sha256, report.submission_sha256) != same or report.grade is None:
        return None
    if not set(CHOICES[device]) <= set(report.environment.devices):
        return None
    faults = tuple(f"{fault.check}: {fault.detail}" for fault in staff.incidents)
    notes = notes_of(report)
    return Graded(report.student, report.points, report.max_points, report.grade, faults, notes, was_cached=True)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONSTARTUP"))}
    return {**kept, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


def _has_fileno(stream: Any) -> bool:
    try:
        return int(stream.fileno()) >= 0
    except (OSError, ValueError, AttributeError):
        return False
