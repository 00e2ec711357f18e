"""The doctor tries what it says: a worker is forked and asked, and a missing layer is a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from autograder.boundary.installation import installation
from autograder.boundary.nursery import ALL_LAYERS, Nursery, SandboxSettings
from autograder.boundary.student import Student
from autograder.course import Course
from autograder.grading import doctor
from autograder.grading.grader import open_nursery
from tests.unit.toy import TOML, make_course


def line_of(lines: list[str], begin: str) -> str:
    return next(line for line in lines if line.startswith(begin))


def layer_of(lines: list[str], name: str) -> str:
    return line_of(lines, f"  {name} ").removeprefix(f"  {name}").strip()


def test_a_fit_machine_is_described(tmp_path: Path) -> None:
    lines, is_fit = doctor.examine(make_course(tmp_path).course)
    assert is_fit
    assert lines[-1] == "verdict      fit to grade"
    assert str(tmp_path / "course.toml") in line_of(lines, "course")
    for device, words in (("cpu", "the CPU: "), ("simgpu", "a simulated accelerator: ")):
        assert line_of(lines, device).removeprefix(device).strip().startswith(words)
        assert "ms from the order of a worker to its first answer" in line_of(lines, device)
    assert (
        torch.cuda.is_available() or line_of(lines, "cuda") == "cuda         not run: there is no GPU on this machine"
    )
    for name in ALL_LAYERS:
        assert layer_of(lines, name).startswith(("active", "missing ("))
    assert layer_of(lines, "seccomp") == "active, required"
    for package in ("torch", "numpy", "pytest"):
        assert "not installed" not in line_of(lines, package)


def _without_landlock(course: Course, has_gpu: bool = False) -> Nursery:
    limits = open_nursery(course).limits
    wanted = ("capabilities", "rlimits", "seccomp")
    return Nursery(installation(["torch"]), limits, SandboxSettings(wanted, course.file.sandbox.required), ["torch"])


def test_a_missing_layer_is_named_with_a_way_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_nursery", _without_landlock)
    lines, is_fit = doctor.examine(make_course(tmp_path).course)
    assert not is_fit
    hint = "use Linux >= 5.13 with Landlock in the list of security modules (lsm=)"
    assert layer_of(lines, "landlock") == f"missing ({hint}), required"
    assert layer_of(lines, "capabilities") == "active, required"
    assert line_of(lines, "verdict").startswith(
        "verdict      cannot grade: cannot confine the worker: expected the layers"
    )
    assert "got no landlock" in lines[-1]


def test_a_layer_that_is_not_required_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_nursery", _without_landlock)
    toml = TOML + '\n[sandbox]\nrequired = ["rlimits"]\n'
    lines, is_fit = doctor.examine(make_course(tmp_path, toml=toml).course)
    assert is_fit
    assert layer_of(lines, "landlock").startswith("missing (")


def test_a_package_that_is_not_installed_is_a_verdict(tmp_path: Path) -> None:
    toml = TOML.replace('packages = ["torch", "numpy"]', 'packages = ["torch", "no-such-package-anywhere"]')
    lines, is_fit = doctor.examine(make_course(tmp_path, toml=toml).course)
    assert not is_fit
    assert lines[-1].startswith("verdict      cannot grade: course.toml: expected the package no-such-package-anywhere")


def test_a_worker_that_answers_wrongly_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Liar(Student):
        def call(self, name: str, *args: object, **kwargs: object) -> object:
            return 41

    monkeypatch.setattr(doctor, "Student", Liar)
    lines, is_fit = doctor.examine(make_course(tmp_path).course)
    assert not is_fit
    assert lines[-1] == "verdict      cannot grade: a worker for cpu gave a wrong answer to a question about nothing"


def test_an_answer_on_the_wrong_device_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PROBE", "def answer(x):\n    return x.cpu() + 1\n")
    lines, is_fit = doctor.examine(make_course(tmp_path).course)
    assert not is_fit
    assert lines[-1] == "verdict      cannot grade: a worker for simgpu gave a wrong answer to a question about nothing"


def test_without_a_course_the_defaults_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "landlock_version", lambda: 0)
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    lines = [*doctor._about()]
    assert line_of(lines, "landlock") == "landlock     not in this kernel"
    assert line_of(lines, "python").endswith("as an ordinary user (uid 1000)")
    monkeypatch.undo()
    lines, _ = doctor.examine(None)
    assert line_of(lines, "course") == "course       none here: the defaults count"
