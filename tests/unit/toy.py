"""A toy course in a folder of its own: one topic, two exercises, a handful of checks, quick to grade."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, cast

from autograder.boundary.nursery import Nursery
from autograder.boundary.student import Student
from autograder.boundary.worker import Answer, Reply
from autograder.course import Course, Topic
from autograder.grading import grader
from autograder.reports.models import CheckResult, Report, StaffReport
from autograder.reports.store import read_report, student_folder
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located
from autograder.worker import serve, wire

TOPIC = "toy"
POISON = 666.0
Notebook = dict[str, Any]

TOML = """
[course]
name = "Toys"
seed = 7

[feedback]
show = "hints"

[limits]
call_s = 1.0
cell_s = 2.0
total_s = 20.0
memory_mib = 512

[worker]
packages = ["torch", "numpy"]
preload = ["torch"]

[topics.toy]
title = "Doubling and halving"
points = 5.0
deadline = 2024-11-21T12:00:00+01:00
late_penalty_per_day = 1.0
"""

REFERENCE = '''
"""The toy oracle."""


def double(x):
    """Twice."""
    return 2 * x


def halve(x):
    """Half."""
    return x / 2
'''

HEAD = '''
"""Hidden checks of the topic toy."""
import os
import signal

import pytest
import torch

from autograder.checks import (
    CurvePicture, exercise, expect_close, expect_number, expect_true, hint, misconception, oracle, picture, points
)
from reference import toy as reference

toy = oracle(reference)


def squared(x):
    return x * x


@exercise("double")
@points(2)
@hint("Twice is not the square.")
@misconception("The number is squared", squared)
@picture(CurvePicture(caption="A line, not a parabola.", curves=(((0.0, 0.0), (1.0, 2.0)),)))
def check_double_of_a_number(student):
    """Doubling a number gives twice the number."""
    expect_number(student.double(3.0), toy.double(3.0))
'''

CHECKS = (
    HEAD
    + f'''

@exercise("double")
@points(1)
def check_double_of_a_tensor(student, generator):
    """Doubling works entry by entry."""
    x = torch.rand(4, generator=generator, dtype=torch.float64)
    expect_close(student.double(x), toy.double(x))


@exercise("halve")
@points(1)
@pytest.mark.parametrize("number", [2.0, 5.0], ids=["even", "odd"])
def check_halve(student, number):
    """Halving a number gives half the number."""
    actual = student.halve(number)
    if actual == {POISON}:  # a fault that takes the grader process with it
        os.kill(os.getpid(), signal.SIGKILL)
    expect_number(actual, toy.halve(number))
'''
)
CHECK_IDS = ("check_double_of_a_number", "check_double_of_a_tensor", "check_halve[even]", "check_halve[odd]")

DOUBLE = "def double(x):\n    return 2 * x\n"
HALVE = "def halve(x):\n    return x / 2\n"
SQUARED = "def double(x):\n    return x * x\n"
STUB = "raise NotImplementedError\n"


def cell(source: str | list[str], grade_id: str = "", kind: str = "code", **nbgrader: Any) -> dict[str, Any]:
    """Return a notebook cell; with a grade id it has nbgrader's metadata."""
    metadata: dict[str, Any] = {}
    if grade_id:
        flags = {"grade": False, "solution": False, "locked": True, "schema_version": 3, "task": False}
        metadata["nbgrader"] = {"grade_id": grade_id, **flags, **nbgrader}
    outputs: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source, **outputs}


def notebook(double: str = DOUBLE, halve: str = HALVE, change: Callable[[Notebook], None] | None = None) -> Notebook:
    """Return a submission: the release with these solutions, then changed."""
    cells = [
        cell("# Toys", kind="markdown"),
        cell("import math", "setup"),
        cell(double, "double", solution=True, locked=False),
        cell("assert double(1) == 2", "test_double", grade=True, points=3),
        cell(halve, "halve", solution=True, locked=False),
        cell("assert halve(4) == 2", "test_halve", grade=True, points=2),
        cell("raise RuntimeError('a figure')", "plot_toy"),
    ]
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    if change is not None:
        change(whole)
    return whole


def cell_of(whole: Notebook, grade_id: str) -> dict[str, Any]:
    """Return the first cell with this grade id."""
    found: dict[str, Any] = next(
        item for item in whole["cells"] if item["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )
    return found


def save(path: Path, content: Notebook | bytes | str) -> Path:
    """Write a file, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def hand_in(root: Path, student: str, content: Notebook | bytes | str | None, name: str = "toy.ipynb") -> Path:
    """Put a submission into ``submitted/<student>/toy/``; return that folder."""
    folder = root / "submitted" / student / TOPIC
    folder.mkdir(parents=True, exist_ok=True)
    if content is not None:
        save(folder / name, content)
    return folder


def make_course(root: Path, checks: str = CHECKS, toml: str = TOML) -> Topic:
    """Write a toy course below ``root`` and return its topic."""
    save(root / "course.toml", toml)
    save(root / "assignments" / TOPIC / "toy.ipynb", notebook(STUB, STUB))
    save(root / "tests" / "hidden" / "grade_toy.py", checks)
    save(root / "reference" / "__init__.py", '"""The toy references."""\n')
    save(root / "reference" / "toy.py", REFERENCE)
    return Course.read(root / "course.toml").topic(TOPIC)


def staff_report(out: Path, student: str) -> StaffReport:
    """Read a staff report."""
    return read_report(out / student_folder(student) / "report.staff.json")


def checks_of(report: Report) -> dict[str, CheckResult]:
    """Return a report's checks on the CPU by id."""
    return {check.id: check for check in report.checks if check.device == "cpu"}


def autograder(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        command(*words),
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def command(*words: str | Path) -> list[str]:
    """Return the command line as the installed script runs it, with no module from the current folder."""
    return [sys.executable, "-P", "-m", "autograder", *map(str, words)]


@contextlib.contextmanager
def own_imports(root: Path) -> Iterator[None]:
    """Have imports of a course's content find the toy's, and afterwards what they found before."""

    def ours() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in ("reference", "grade_toy", "conftest")]

    kept = {name: sys.modules.pop(name) for name in ours()}
    path = list(sys.path)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        gc.unfreeze()  # a grader process keeps what it has collected; this process goes on
        sys.path[:] = path
        for name in ours():
            del sys.modules[name]
        sys.modules.update(kept)


class ProcesslessWorker:
    """A worker with the interface of :class:`~autograder.boundary.worker.Worker` that lives in this process.

    It answers through the real wire and the real operations; there is no confinement and no clock.
    """

    def __init__(self) -> None:
        self._session = serve.Session()
        self._sequence = 0
        self.is_alive = True
        self.was_killed = False

    def ask(
        self,
        operation: str,
        what: str,
        timeout_s: float,
        *,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        **header: Any,
    ) -> Answer:
        """Answer one request."""
        self._sequence += 1
        encoder = wire.Encoder()
        encoded = {"args": encoder.encode(tuple(args)), "kwargs": encoder.encode(dict(kwargs or {}))}
        frame = wire.pack({"op": operation, "seq": self._sequence, **encoded, **header}, encoder)
        request, payload = _opened(frame)
        if operation == "start":  # it would write files and change where modules come from
            self._session.module.__name__ = request["name"]
            request = {**request, "op": "state", "args": {"t": []}, "tensors": []}
            payload = bytearray()
        streams = sys.stdout, sys.stderr
        try:
            answered, tensors = _opened(serve.answer(self._session, request, payload))
        finally:
            sys.stdout, sys.stderr = streams
        rebuilt, infos = wire.read_tensors(answered.pop("tensors"), tensors)
        return Answer(Reply.model_validate(answered), rebuilt, infos)

    def kill(self) -> None:
        """End it."""
        self.is_alive = False


def _opened(frame: bytes) -> tuple[dict[str, Any], bytearray]:
    header_size, _ = wire.PREFIX.unpack_from(frame)
    start = wire.PREFIX.size + header_size
    return wire.read_header(frame[wire.PREFIX.size : start]), bytearray(frame[start:])


class ProcesslessNursery:
    """Gives workers that live in this process, as :class:`~autograder.boundary.nursery.Nursery` gives confined ones."""

    layers = ("none",)
    is_running = True

    def __init__(self) -> None:
        self.spawned = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def spawn(self) -> ProcesslessWorker:
        """Return a fresh one."""
        self.spawned += 1
        return ProcesslessWorker()


def job_of(topic: Topic, out: Path) -> grader.Job:
    """Return what a grader process would make of a topic."""
    manifest = Manifest.read(topic.release)
    return grader.Job(topic.course, topic.name, topic.table, topic.grader, manifest, topic.grader_sha256, out)


def grade_here(
    topic: Topic, *submissions: Located, nursery: Nursery | ProcesslessNursery | None = None
) -> dict[str, StaffReport]:
    """Grade in this process; return the reports by student."""
    workers = cast(Nursery, nursery or ProcesslessNursery())
    reports: dict[str, StaffReport] = {}

    def answer(staff: StaffReport, student: Student) -> None:
        reports[staff.report.student] = staff

    with own_imports(topic.course.root):
        grader.run_checks(job_of(topic, Path()), workers, iter(submissions), answer)
    return reports
