"""The grader process: it answers the operator in lines, writes reports, and says what it cannot do in a sentence."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.boundary.installation import installation
from autograder.boundary.nursery import INSTALL_HINTS, Nursery, SandboxSettings
from autograder.course import PACKAGE, Course, Topic
from autograder.errors import HarnessError, SandboxUnavailable, StudentCrashed, UsageError
from autograder.grading import grader
from autograder.grading.grader import open_nursery
from autograder.submissions.submission import Located
from tests.unit.toy import (
    CHECK_IDS,
    CHECKS,
    HEAD,
    TOML,
    ProcesslessNursery,
    ProcesslessWorker,
    cell,
    checks_of,
    grade_here,
    make_course,
    notebook,
    own_imports,
    save,
    staff_report,
)

DEFAULTS = PACKAGE / "submissions" / "defaults.toml"
Serve = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Return a function that plays the operator: it sends lines to ``main`` and returns the answers."""
    monkeypatch.setattr(grader, "open_nursery", lambda course, has_gpu=False: ProcesslessNursery())

    def serve(
        settings: dict[str, Any], *located: Located, is_gone: bool = False, set_aside: str = ""
    ) -> list[dict[str, Any]]:
        ours, theirs = socket.socketpair()
        with ours:
            for line in (settings, *({**_line(item), "set_aside": set_aside} for item in located)):
                ours.sendall(json.dumps(line).encode() + b"\n")
            if is_gone:
                ours.close()
            else:
                ours.shutdown(socket.SHUT_WR)
            with own_imports(tmp_path):
                grader.main(theirs.detach())
            return [] if is_gone else [json.loads(line) for line in ours.makefile("r")]

    return serve


def _line(located: Located) -> dict[str, Any]:
    folder = str(located.folder) if located.folder else None
    return {"student": located.student, "path": str(located.path) if located.path else None, "folder": folder}


def settings_of(topic: Topic, out: Path) -> dict[str, Any]:
    return {"course": str(topic.course.root / "course.toml"), "topic": topic.name, "out": str(out)}


def test_it_answers_each_submission_when_its_report_is_written(tmp_path: Path, served: Serve) -> None:
    topic = make_course(tmp_path)
    ada = Located("ada", save(tmp_path / "ada.ipynb", notebook()))
    (tmp_path / "bob").mkdir()
    ready, first, second = served(settings_of(topic, tmp_path / "out"), ada, Located("bob", None, tmp_path / "bob"))
    assert ready == {"ready": ["none"]}
    assert first.pop("duration_s") > 0
    assert first.pop("student_s") >= 0
    assert first == {
        "done": "ada",
        "points": 5.0,
        "max_points": 5.0,
        "grade": 100.0,
        "faults": [],
        "notes": [],
        "has_not_graded": False,
    }
    assert (second["done"], second["points"], second["grade"]) == ("bob", 0.0, 0.0)
    report = staff_report(tmp_path / "out", "ada").report
    assert tuple(checks_of(report)) == CHECK_IDS
    assert report.environment.grader_sha256 == topic.grader_sha256
    assert report.environment.sandbox_layers == ("none",)


def test_a_fault_is_said_with_the_check(tmp_path: Path, served: Serve) -> None:
    checks = HEAD + '\n@exercise("double")\n@points(1)\ndef check_a(student):\n    assert False, "oops"\n'
    topic = make_course(tmp_path, checks)
    ada = Located("ada", save(tmp_path / "ada.ipynb", notebook()))
    _, answer = served(settings_of(topic, tmp_path / "out"), ada)
    assert answer["grade"] is None
    assert answer["has_not_graded"] is True
    assert answer["faults"] == ["check_a: AssertionError: oops"]


@pytest.mark.parametrize(
    ("break_it", "kind", "why"),
    [
        (lambda root: save(root / "course.toml", "[course"), "UsageError", "course.toml: expected a TOML file"),
        (lambda root: save(root / "course.toml", ""), "UsageError", "topic: expected one of none"),
        (lambda root: save(root / "assignments/toy/toy.ipynb", "{"), "UsageError", "toy.ipynb: expected JSON"),
        (lambda root: save(root / "tests/hidden/grade_toy.py", "x ="), "HarnessError", "grade_toy.py: the hidden"),
        (lambda root: save(root / "tests/hidden/conftest.py", "1 / 0"), "HarnessError", "grade_toy.py: the hidden"),
    ],
)
def test_what_it_cannot_do_is_one_line(
    tmp_path: Path, served: Serve, break_it: Callable[[Path], object], kind: str, why: str
) -> None:
    topic = make_course(tmp_path)
    break_it(tmp_path)
    *_, failed = served(settings_of(topic, tmp_path / "out"))
    assert failed["failed"] == kind
    assert failed["message"].startswith(why)
    assert "\n" not in failed["message"]
    assert not (tmp_path / "out").exists()


def test_it_ends_quietly_when_the_operator_is_gone(
    tmp_path: Path, served: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    topic = make_course(tmp_path)
    ada = Located("ada", save(tmp_path / "ada.ipynb", notebook()))
    assert served(settings_of(topic, tmp_path / "out"), ada, is_gone=True) == []
    save(tmp_path / "course.toml", "[course")
    assert served(settings_of(topic, tmp_path / "out"), is_gone=True) == []
    assert capfd.readouterr().err == ""


# ---------------------------------------------------------------------------------------------- visible tests


def visible(path: Path, out: Path, course: Path = DEFAULTS) -> dict[str, Any]:
    return {"visible": str(path), "course": str(course), "out": str(out)}


def test_visible_tests_are_one_check_each(tmp_path: Path, served: Serve) -> None:
    path = save(tmp_path / "my toys.ipynb", notebook(halve="def halve(x):\n    return x"))
    _, answer = served(visible(path, tmp_path / "out"), Located("my toys", path))
    assert (answer["points"], answer["max_points"]) == (1.0, 2.0)
    passed, failed = staff_report(tmp_path / "out", "my toys").report.checks
    assert (passed.title, passed.outcome) == ("The visible tests of double", "passed")
    assert (failed.outcome, failed.message) == (
        "failed",
        "test_halve: raised AssertionError (line 1 of test_halve)",
    )


def test_copied_test_cells_are_run_each(tmp_path: Path, served: Serve) -> None:
    more = cell("assert double(2) == 5", "test_double", grade=True, points="many")
    path = save(tmp_path / "toys.ipynb", notebook(change=lambda whole: whole["cells"].append(more)))
    _, answer = served(visible(path, tmp_path / "out"), Located("toys", path))
    assert (answer["points"], answer["max_points"]) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"nbformat": 4, "cells": []}, "toys.ipynb: expected a notebook with visible tests, got none."),
        (b"{", "toys.ipynb: expected JSON, got: "),
    ],
)
def test_a_notebook_without_visible_tests_is_refused(tmp_path: Path, served: Serve, content: Any, why: str) -> None:
    path = save(tmp_path / "toys.ipynb", content)
    (failed,) = served(visible(path, tmp_path / "out"))
    assert failed["failed"] == "UsageError"
    assert failed["message"].startswith(why)


# ---------------------------------------------------------------------------------------------- workers


def test_a_course_says_how_workers_are_confined(tmp_path: Path) -> None:
    course = make_course(tmp_path, toml=TOML + '\n[sandbox]\nrequired = ["rlimits"]\n').course
    nursery = open_nursery(course)
    assert (nursery.limits.memory_mib, nursery.limits.scratch_mib, nursery.limits.cpu_s) == (
        512,
        64,
        81 * len(os.sched_getaffinity(0)),  # four times as long on an accelerator
    )
    assert nursery.sandbox.required == ("rlimits",)


def test_a_package_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    toml = TOML.replace('packages = ["torch", "numpy"]', 'packages = ["torch", "no-such-package-anywhere"]')
    with pytest.raises(UsageError, match="expected the package no-such-package-anywhere to be installed"):
        open_nursery(make_course(tmp_path, toml=toml).course)


def test_a_required_layer_that_is_missing_is_a_refusal(
    tmp_path: Path, served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = make_course(tmp_path)

    def without_landlock(course: Course, has_gpu: bool = False) -> Nursery:
        nursery = open_nursery(course)
        wanted = tuple(name for name in nursery.sandbox.wanted if name not in ("landlock", "namespaces"))
        required = tuple(course.file.sandbox.required)
        return Nursery(installation(["torch"]), nursery.limits, SandboxSettings(wanted, required), ["torch"])

    monkeypatch.setattr(grader, "open_nursery", without_landlock)
    (failed,) = served(settings_of(topic, tmp_path / "out"))
    assert failed["failed"] == "SandboxUnavailable"
    assert "got no landlock" in failed["message"]
    assert INSTALL_HINTS["landlock"] in failed["message"]


class DyingNursery(ProcesslessNursery):
    """Is gone when the second worker is asked for, and comes back when it is started again (or does not)."""

    def __init__(self, comes_back: bool) -> None:
        super().__init__()
        self.comes_back = comes_back
        self.starts = 0
        self.is_running = True

    def spawn(self) -> Any:
        if self.spawned == 1:
            self.is_running = False
        if not self.is_running:
            raise HarnessError("the nursery is gone")
        return super().spawn()

    def stop(self) -> None:
        self.starts += 1

    def start(self) -> None:
        if not self.comes_back:
            raise SandboxUnavailable("no more memory")
        self.is_running, self.spawned = True, 2


def test_a_nursery_that_has_died_is_started_again(tmp_path: Path) -> None:
    topic = make_course(tmp_path)
    nursery = DyingNursery(comes_back=True)
    located = [Located(name, save(tmp_path / f"{name}.ipynb", notebook())) for name in ("ada", "bob", "eve")]
    reports = grade_here(topic, *located, nursery=nursery)
    assert nursery.starts == 1
    assert {student: staff.report.points for student, staff in reports.items()} == {"ada": 5.0, "bob": 5.0, "eve": 5.0}


def test_a_nursery_that_does_not_come_back_is_our_fault(tmp_path: Path) -> None:
    topic = make_course(tmp_path)
    located = [Located(name, save(tmp_path / f"{name}.ipynb", notebook())) for name in ("ada", "bob")]
    reports = grade_here(topic, *located, nursery=DyingNursery(comes_back=False))
    assert reports["ada"].report.points == 5.0
    assert {check.outcome for check in reports["bob"].report.checks} == {"not_graded"}
    assert reports["bob"].report.grade is None


def test_a_worker_that_cannot_be_made_is_our_fault(tmp_path: Path) -> None:
    class Refusing(ProcesslessNursery):
        def spawn(self) -> Any:
            raise HarnessError("the nursery did not fork a worker")

    topic = make_course(tmp_path)
    ada = Located("ada", save(tmp_path / "ada.ipynb", notebook()))
    staff = grade_here(topic, ada, nursery=Refusing())["ada"]
    assert {check.outcome for check in staff.report.checks} == {"not_graded"}
    assert {fault.detail for fault in staff.incidents} == {"HarnessError: the nursery did not fork a worker"}


class Killed(ProcesslessWorker):
    """Is ended by somebody else at the first call, as long as there are deaths left."""

    deaths = 0

    def ask(self, operation: str, what: str, timeout_s: float, **rest: Any) -> Any:
        if operation == "call" and Killed.deaths:
            Killed.deaths -= 1
            self.is_alive, self.was_killed = False, True
            raise StudentCrashed(f"{what}: its process ended before it answered")
        return super().ask(operation, what, timeout_s, **rest)


@pytest.mark.parametrize("deaths", [1, 2, 3, 1000])
def test_a_submission_whose_worker_is_killed_is_graded_from_the_beginning(tmp_path: Path, deaths: int) -> None:
    class Nursery(ProcesslessNursery):
        def spawn(self) -> Any:
            return Killed()

    topic = make_course(tmp_path)
    Killed.deaths = deaths
    located = [Located(name, save(tmp_path / f"{name}.ipynb", notebook())) for name in ("ada", "bob")]
    reports = grade_here(topic, *located, nursery=Nursery())
    outcomes = {name: {check.outcome for check in staff.report.checks} for name, staff in reports.items()}
    # each check has a fresh worker: in three tries twelve are killed
    assert outcomes["ada"] == ({"passed"} if deaths < 9 else {"not_graded"})
    assert outcomes["bob"] == ({"passed"} if deaths < 9 else {"not_graded"})
    if deaths == 1000:
        assert reports["ada"].report.grade is None
        assert {fault.detail for fault in reports["ada"].incidents} == {grader.KILLED}


def test_who_is_set_aside_gets_a_report_without_being_run(tmp_path: Path, served: Serve) -> None:
    topic = make_course(tmp_path)
    mark = tmp_path / "it was run"
    ada = Located("ada", save(tmp_path / "ada.ipynb", notebook(f"open({str(mark)!r}, 'w').close()\n")))
    _, answer = served(settings_of(topic, tmp_path / "out"), ada, set_aside="its grader process ended")
    assert (answer["done"], answer["points"], answer["grade"]) == ("ada", 0.0, None)
    assert not mark.exists()
    staff = staff_report(tmp_path / "out", "ada")
    assert staff.report.submission_sha256
    assert {check.outcome for check in staff.report.checks} == {"not_graded"}
    assert {fault.detail for fault in staff.incidents} == {"its grader process ended"}
    assert [incident.kind for incident in staff.report.incidents] == ["unknown-time"]


def test_a_report_that_cannot_be_written_is_said_and_the_next_one_is_tried(tmp_path: Path, served: Serve) -> None:
    topic = make_course(tmp_path)
    located = [Located(name, save(tmp_path / f"{name}.ipynb", notebook())) for name in ("ada", "bob")]
    save(tmp_path / "out" / "ada", "a file where the folder should be")
    _, first, second = served(settings_of(topic, tmp_path / "out"), *located)
    assert first["not_written"] == "ada"
    assert first["why"].startswith(f"{tmp_path}/out/ada: it cannot be written: ")
    assert not first["is_of_the_disk"]
    assert second["done"] == "bob"


def test_an_operator_that_is_gone_before_it_has_said_anything_is_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    grader.main(theirs.detach())
    assert capfd.readouterr().err == ""


def test_a_real_nursery_serves_checks_run_in_this_process(tmp_path: Path) -> None:
    topic = make_course(tmp_path)
    loops = "def double(x):\n    while True: pass"
    sources = {"ada": notebook(), "loops": notebook(loops), "exits": notebook("import os\nos._exit(3)")}
    located = [Located(name, save(tmp_path / f"{name}.ipynb", content)) for name, content in sources.items()]
    with open_nursery(topic.course) as nursery:
        reports = grade_here(topic, *located, nursery=nursery)
    assert {student: staff.report.points for student, staff in reports.items()} == {
        "ada": 5.0,
        "loops": 2.0,
        "exits": 2.0,
    }
    assert [incident.kind for incident in reports["exits"].report.incidents] == [
        "unknown-time", "cell-failed", "crashed", "crashed"
    ]  # fmt: skip
    assert CHECKS.count("def check_") == 3
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    assert os.environ.get("PYTEST_CURRENT_TEST")


@pytest.mark.parametrize("preload", ["torch", "torch._dynamo", "numpy"])
def test_what_is_preloaded_belongs_to_a_listed_package(tmp_path: Path, preload: str) -> None:
    toml = TOML.replace('["torch", "numpy"]', '["click"]').replace('preload = ["torch"]', f'preload = ["{preload}"]')
    assert toml.count("click") == 1
    with pytest.raises(
        UsageError, match=r"^course\.toml: expected torch among worker\.packages, for workers import torch"
    ):
        open_nursery(make_course(tmp_path, toml=toml).course)
