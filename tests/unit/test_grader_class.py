"""A class of odd submissions through the real command line, grader processes and workers: nobody hurts anybody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course
from autograder.grading import operator
from autograder.grading.operator import Graded, Outcome
from autograder.reports.models import StaffReport
from autograder.reports.store import read_report
from autograder.submissions.submission import locate
from tests.unit.toy import (
    CHECK_IDS,
    DOUBLE,
    HALVE,
    POISON,
    SQUARED,
    STUB,
    TOPIC,
    Notebook,
    autograder,
    cell,
    cell_of,
    checks_of,
    hand_in,
    make_course,
    notebook,
    save,
    staff_report,
)

SECRET = "what only the grader may read"


# ---------------------------------------------------------------------------------------------- the students


def _swapped_flags(whole: Notebook) -> None:
    for grade_id in ("double", "test_double", "halve"):
        nbgrader = cell_of(whole, grade_id)["metadata"]["nbgrader"]
        nbgrader |= {"solution": False, "grade": True, "locked": True, "points": 100}


def _extra_cells(whole: Notebook) -> None:
    whole["cells"].insert(0, cell("FACTOR = 2"))
    whole["cells"].append(cell("def halve(x):\n    return x / FACTOR"))


def _hostile_tests(whole: Notebook) -> None:
    cell_of(whole, "test_double")["source"] = "def double(x):\n    return None"
    cell_of(whole, "test_halve")["source"] = "raise SystemExit(0)"


def _changed_setup(whole: Notebook) -> None:
    cell_of(whole, "setup")["source"] = "HALF = 0.5"
    cell_of(whole, "halve")["source"] = "def halve(x):\n    return math.fabs(HALF * x)"


def _magics(whole: Notebook) -> None:
    cell_of(whole, "double")["source"] = "%matplotlib inline\n!pip install cheating\n" + DOUBLE


def _markdown(whole: Notebook) -> None:
    cell_of(whole, "double")["cell_type"] = "markdown"


NOTEBOOKS: dict[str, Notebook | bytes | str | None] = {
    "ada": notebook(change=lambda whole: cell_of(whole, "double").update(source=DOUBLE + "print('hello from ada')")),
    "squared": notebook(SQUARED),
    "stub": notebook(STUB, STUB),
    "poison": notebook(halve=f"def halve(x):\n    return {POISON}"),
    "magics": notebook(change=_magics),
    "broken cell": notebook("def double(x:\n"),
    "raising cell": notebook("1 / 0\n" + DOUBLE),
    "flags": notebook(change=_swapped_flags),
    "copied": notebook(SQUARED, change=lambda whole: whole["cells"].append(cell(DOUBLE, "double"))),
    "deleted": notebook(change=lambda whole: whole["cells"].remove(cell_of(whole, "double"))),
    "emptied": notebook(double=" \n"),
    "reordered": notebook(change=lambda whole: whole["cells"].reverse()),
    "markdown": notebook(change=_markdown),
    "extra cells": notebook("def double(x):\n    return FACTOR * x", change=_extra_cells),
    "changed setup": notebook(change=_changed_setup),
    "changed tests": notebook(change=_hostile_tests),
    "loops": notebook("def double(x):\n    while True: pass"),
    "exits": notebook("import os\ndef double(x):\n    os._exit(0)"),
    "greedy": notebook("import torch\ndef double(x):\n    return torch.ones(1 << 30)"),
    "not JSON": b"\x80PK",
    "not a notebook": "[1, 2]",
    "no notebook": None,
    "Zoë Ångström": b"\xef\xbb\xbf" + json.dumps(notebook()).encode(),
    "李雷": notebook(change=lambda whole: whole["cells"].append("not a cell")),
}
SCRIPTS: dict[str, str | bytes] = {
    "script": DOUBLE + HALVE + "if __name__ == '__main__':\n    raise SystemExit('the main program')\n",
    "script with a fault": "def double(x:\n" + HALVE,
    "script in Latin-1": b"# -*- coding: latin-1 -*-\nname = '\xe9'\n",
}
PLANTED = ("torch.py", "json.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "reference.py", "grade_toy.py",
           "autograder.py", "pytest.py")  # fmt: skip


def _plant(folder: Path) -> None:
    """Put into a submission everything that a tester might pick up from the current folder."""
    for name in PLANTED:
        save(folder / name, f"open({str(folder.parents[2] / f'planted-{name}')!r}, 'w').close()\nraise SystemExit(7)\n")
    for name in ("pytest.ini", "tox.ini", "setup.cfg"):
        save(folder / name, f"[{'tool:' if name == 'setup.cfg' else ''}pytest]\naddopts = --collect-only -k nothing\n")


def _hand_in_all(root: Path) -> None:
    for student, content in NOTEBOOKS.items():
        hand_in(root, student, content, "toy.ipynb" if content is not None else "toy.txt")
    for student in SCRIPTS:
        hand_in(root, student, SCRIPTS[student], "toy.py")
    save(hand_in(root, "no notebook", None) / "notes.txt", "I was ill.")
    with (hand_in(root, "70 MB", None) / "toy.ipynb").open("wb") as file:
        file.truncate(70 << 20)
    _plant(hand_in(root, "eve", notebook()))
    helped = "from helper import FACTOR\nNUMBERS = open('data/numbers.txt').read()\n"
    helped += "def double(x):\n    return FACTOR * x if NUMBERS == '12' else None"
    folder = hand_in(root, "helped", notebook(helped))
    save(folder / "helper.py", "FACTOR = 2")
    save(folder / "data" / "numbers.txt", "12")
    secret = save(root / "secret.txt", SECRET)
    leak = "def double(x):\n    return open('linked.txt').read()"
    (hand_in(root, "linking", notebook(leak)) / "linked.txt").symlink_to(secret)
    (hand_in(root, "linking", notebook(leak)) / "timestamp.txt").symlink_to(secret)
    hand_in(root, "renamed", notebook(), "homework (1).ipynb")
    for student, moment in {"punctual": "2024-11-21 11:00:00.0 UTC", "late": "2024-11-22 12:00:00.0 UTC"}.items():
        save(hand_in(root, student, notebook()) / "timestamp.txt", moment)


@dataclass
class Run:
    """One run over the class."""

    process: subprocess.CompletedProcess[str]
    out: Path

    def staff(self, student: str) -> StaffReport:
        return staff_report(self.out, student)

    def everything(self) -> dict[str, StaffReport]:
        found = [read_report(path) for path in sorted(self.out.glob("*/report.staff.json"))]
        return {staff.report.student: staff for staff in found}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    make_course(folder)
    _hand_in_all(folder)
    for place in (folder, folder / "tests"):  # above the hidden checks: not theirs
        save(place / "conftest.py", "raise SystemExit('a conftest.py from above')\n")
    return folder


@pytest.fixture(scope="module")
def graded(root: Path) -> Run:
    """Grade the class from inside of Eve's folder, with her options for pytest."""
    process = autograder(
        "grade", TOPIC, root / "submitted", "--out", "../../../reports", cwd=root / "submitted" / "eve" / TOPIC,
        PYTEST_ADDOPTS="--collect-only -k nothing", PYTEST_PLUGINS="conftest", PYTHONSTARTUP="torch.py",
    )  # fmt: skip
    return Run(process, root / "reports")


@pytest.fixture(scope="module")
def twice(root: Path) -> Run:
    """Grade the class again, with two grader processes, without the one that kills them."""
    harmless, out = root / "harmless", root / "twice"
    harmless.mkdir()
    for folder in (root / "submitted").iterdir():
        if folder.name != "poison":
            shutil.copytree(folder, harmless / folder.name, symlinks=True)
    return Run(autograder("grade", TOPIC, harmless, "--out", out, "--jobs", "2", cwd=root), out)


# ---------------------------------------------------------------------------------------------- the run


def test_everyone_has_a_report(root: Path, graded: Run) -> None:
    students = {folder.name for folder in (root / "submitted").iterdir()}
    assert set(graded.everything()) == students
    for student in sorted(students):
        names = {path.name for path in (graded.out / student).iterdir()}
        assert names == {"report.json", "report.html", "report.staff.json"}


def test_what_kills_its_grader_process_is_set_aside_after_the_second_time(graded: Run) -> None:
    assert graded.process.returncode == 1
    why = "its grader process ended 2 times (status -9)"
    assert f"poison\tnot graded\t{why}\n" in graded.process.stdout
    assert f"poison: not graded: {why}\n" in graded.process.stderr


def test_stdout_is_the_result_and_stderr_is_progress(graded: Run) -> None:
    lines = graded.process.stdout.splitlines()
    assert lines[-1] == str((graded.out / "index.html").resolve())
    assert "ada\t5/5\t100.0 %" in lines
    assert "squared\t2/5\t40.0 %" in lines
    total = len(graded.everything())
    progress = graded.process.stderr.splitlines()
    assert len([line for line in progress if line.startswith("[")]) == total
    assert progress[0].startswith(f"[1/{total}] 70 MB: 0/5 (")
    assert "Traceback" not in graded.process.stderr


def test_nothing_of_a_submission_reaches_the_grader(root: Path, graded: Run) -> None:
    """Eve's modules and settings lie in the current folder; none of them was imported or read by the trusted side."""
    assert list(root.glob("planted-*")) == []
    assert graded.staff("eve").report.points == 5.0
    assert graded.staff("ada").report.points == 5.0


def test_the_list_of_checks_is_the_same_whatever_students_do(graded: Run) -> None:
    for student, staff in graded.everything().items():
        assert tuple(checks_of(staff.report)) == CHECK_IDS, student
        assert staff.report.max_points == 5.0, student
        assert [(exercise.name, exercise.max_points) for exercise in staff.report.exercises] == [
            ("double", 3.0),
            ("halve", 2.0),
        ], student


def _comparable(staff: StaffReport) -> dict[str, Any]:
    content = staff.model_dump(exclude={"duration_s", "times"})
    for name in ("started_at", "duration_s"):
        content["report"]["environment"].pop(name)
    return content


def test_two_grader_processes_write_the_same_reports(graded: Run, twice: Run) -> None:
    ones, others = graded.everything(), twice.everything()
    assert set(ones) == set(others) | {"poison"}
    for student, staff in others.items():
        assert _comparable(staff) == _comparable(ones[student]), student
    said, *_ = graded.process.stdout.partition("poison\t")
    assert twice.process.stdout == f"{said}{(twice.out / 'index.html').resolve()}\n"
    assert twice.process.returncode == 0


# ---------------------------------------------------------------------------------------------- their reports

EVERYTHING, NOTHING, HALVES = 5.0, 0.0, 2.0
RESULTS: dict[str, tuple[float, list[tuple[str, str]]]] = {
    "ada": (EVERYTHING, []),
    "squared": (HALVES, []),
    "stub": (NOTHING, []),
    "magics": (EVERYTHING, [("magic", "cell double: '%matplotlib inline' was left out"),
                            ("magic", "cell double: '!pip install cheating' was left out")]),
    "broken cell": (HALVES, [("cell-failed", "cell double did not run to its end: raised SyntaxError")]),
    "raising cell": (HALVES, [("cell-failed", "cell double did not run to its end: raised ZeroDivisionError")]),
    "flags": (EVERYTHING, [("changed-metadata", "nbgrader's metadata was changed in double, test_double, halve")]),
    "copied": (EVERYTHING, [("duplicated-cell", "cell double is there 2 times"), ("changed-metadata", "")]),
    "deleted": (HALVES, [("deleted-cell", "cell double is not in the notebook")]),
    "emptied": (HALVES, [("empty-cell", "cell double is empty")]),
    "reordered": (EVERYTHING, [("reordered-cells", "the cells came in the order halve, double")]),
    "markdown": (HALVES, [("deleted-cell", "cell double holds no code (it is a markdown cell)")]),
    "extra cells": (EVERYTHING, []),
    "changed setup": (EVERYTHING, [("changed-cell", "cell setup was changed")]),
    "changed tests": (EVERYTHING, []),
    "loops": (HALVES, [("timed-out", "double: ran for more than 1 s"), ("timed-out", "double: ran for more than 1 s")]),
    "exits": (HALVES, [("crashed", "double: its process ended itself with exit code 0")] * 2),
    "greedy": (HALVES, [("out-of-memory", "double: asked for more memory than allowed")] * 2),
    "not JSON": (NOTHING, [("unreadable", "expected JSON, got: ")]),
    "not a notebook": (NOTHING, [("unreadable", "expected a notebook, got another JSON value")]),
    "70 MB": (NOTHING, [("unreadable", "expected at most 64 MiB, got 70 MiB")]),
    "no notebook": (NOTHING, [("unreadable", "expected toy.ipynb or toy.py in the folder, got neither")]),
    "Zoë Ångström": (EVERYTHING, []),
    "李雷": (EVERYTHING, []),
    "script": (EVERYTHING, []),
    "script with a fault": (NOTHING, [("cell-failed", "toy.py did not run to its end: raised SyntaxError")]),
    "script in Latin-1": (NOTHING, [("unreadable", "expected UTF-8 text, got: ")]),
    "eve": (EVERYTHING, []),
    "helped": (EVERYTHING, []),
    "linking": (HALVES, [("skipped-file", "linked.txt is not a regular file"),
                         ("bad-timestamp", "timestamp.txt: expected a regular file, got a link")]),
    "renamed": (EVERYTHING, [("renamed-file", "expected toy.ipynb or toy.py, took homework (1).ipynb")]),
    "punctual": (EVERYTHING, []),
    "late": (EVERYTHING, []),
}  # fmt: skip


@pytest.mark.parametrize("student", RESULTS)
def test_points_and_incidents(graded: Run, student: str) -> None:
    points, expected = RESULTS[student]
    staff = graded.staff(student)
    assert staff.report.points == points
    incidents = [incident for incident in staff.report.incidents if incident.kind != "unknown-time"]
    assert (len(incidents) < len(staff.report.incidents)) == (staff.report.submitted_at is None)
    found = [(incident.kind, incident.detail) for incident in incidents]
    assert [kind for kind, _ in found] == [kind for kind, _ in expected]
    for (_, detail), (_, begin) in zip(found, expected, strict=True):
        assert detail.startswith(begin)
    assert staff.incidents == (), "nothing here is our fault"


def test_every_odd_student_is_in_the_table() -> None:
    assert set(NOTEBOOKS) | set(SCRIPTS) <= {*RESULTS, "poison"}


def test_what_was_printed_is_in_the_report(graded: Run) -> None:
    assert graded.staff("ada").report.stdout_tail == "hello from ada\n"


@pytest.mark.parametrize("student", ["not JSON", "not a notebook", "70 MB", "no notebook", "script in Latin-1"])
def test_an_unreadable_submission_fails_every_check_with_the_reason(graded: Run, student: str) -> None:
    report = graded.staff(student).report
    incident, _ = report.incidents
    for check in report.checks:
        assert check.outcome == "failed"
        assert check.message == f"the submission cannot be read: {incident.detail}"
    assert report.grade == 0.0


def test_an_unfilled_stub_is_told_so(graded: Run) -> None:
    messages = {check.message for check in graded.staff("stub").report.checks}
    assert messages == {
        f"{name} is not defined, because cell {name} did not run: not implemented yet (line 1 of cell {name})"
        for name in ("double", "halve")
    }


def test_a_broken_cell_explains_the_checks_of_its_exercise_only(graded: Run) -> None:
    checks = checks_of(graded.staff("raising cell").report)
    assert "because cell double did not run: raised ZeroDivisionError" in checks["check_double_of_a_number"].message
    assert checks["check_halve[odd]"].outcome == "passed"


def test_being_late_costs_a_day_that_has_begun(graded: Run) -> None:
    late, punctual = graded.staff("late").report, graded.staff("punctual").report
    assert (late.late_seconds, late.penalty, late.points, late.grade) == (25 * 3_600, 2.0, 5.0, 60.0)
    assert late.submitted_at == "2024-11-22T12:00:00+00:00"
    assert (punctual.late_seconds, punctual.penalty, punctual.grade) == (0.0, 0.0, 100.0)


def test_a_link_leads_nowhere(graded: Run) -> None:
    check = checks_of(graded.staff("linking").report)["check_double_of_a_number"]
    assert "FileNotFoundError" in check.message
    for path in (graded.out / "linking").iterdir():
        assert SECRET not in path.read_text(encoding="utf-8")


def test_reports_say_what_graded_them(root: Path, graded: Run) -> None:
    environment = graded.staff("ada").report.environment
    assert {"capabilities", "rlimits", "landlock", "seccomp"} <= set(environment.sandbox_layers)
    assert environment.devices[:2] == ("cpu", "simgpu")
    assert environment.duration_s > 0


# ---------------------------------------------------------------------------------------------- run again

GRADED_FEW = ("ada", "late", "squared", "stub")


@pytest.fixture
def again(root: Path, graded: Run, tmp_path: Path) -> Path:
    """Return a copy of the course, with four submissions and their reports."""
    for room in ("course.toml", "assignments", "tests/hidden", "reference"):
        target = tmp_path / room
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(root / room, target) if (root / room).is_dir() else shutil.copy(root / room, target)
    for student in GRADED_FEW:
        shutil.copytree(root / "submitted" / student, tmp_path / "submitted" / student)
        shutil.copytree(graded.out / student, tmp_path / "reports" / student)
    return tmp_path


def run_again(root: Path, *, is_forced: bool = False) -> tuple[Outcome, list[str]]:
    """Grade in this process; return the outcome and who was graded anew."""
    topic = Course.read(root / "course.toml").topic(TOPIC)
    anew: list[str] = []

    def note(graded: Graded) -> None:
        if not graded.was_cached:
            anew.append(graded.student)

    located = locate(TOPIC, [root / "submitted"])
    outcome = operator.grade(topic, located, root / "reports", is_forced=is_forced, progress=note)
    return outcome, sorted(anew)


def test_a_second_run_grades_nothing(again: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (again / "reports").rglob("*.json")}
    outcome, anew = run_again(again)
    assert anew == []
    assert outcome.is_complete
    assert [(graded.student, graded.points, graded.grade) for graded in outcome.graded] == [
        ("ada", 5.0, 100.0),
        ("late", 5.0, 60.0),
        ("squared", 2.0, 40.0),
        ("stub", 0.0, 0.0),
    ]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_only_what_changed_is_graded_again(again: Path) -> None:
    hand_in(again, "squared", notebook())
    (again / "reports" / "late" / "report.json").unlink()
    (again / "reports" / "stub" / "report.staff.json").write_text("{")
    outcome, anew = run_again(again)
    assert anew == ["late", "squared", "stub"]
    assert [graded.points for graded in outcome.graded] == [5.0, 5.0, 5.0, 0.0]


def _edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / path).read_text(encoding="utf-8")
        assert old in text
        (root / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


EDITS = {
    "the hidden checks": _edit("tests/hidden/grade_toy.py", "Twice is not", "Two times is not"),
    "the reference": _edit("reference/toy.py", "Twice", "Two times"),
    "course.toml": _edit("course.toml", "seed = 7", "seed = 8"),
    "the release": _edit("assignments/toy/toy.ipynb", "# Toys", "# Toy"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_everybody_is_graded_again_when_what_decides_points_changes(
    again: Path, edit: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(again)
    assert _handed_out(again, monkeypatch) == sorted(GRADED_FEW)


def test_force_grades_everybody_again(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _handed_out(again, monkeypatch, is_forced=True) == sorted(GRADED_FEW)


def _handed_out(root: Path, monkeypatch: pytest.MonkeyPatch, is_forced: bool = False) -> list[str]:
    """Return who would be graded."""
    waiting: list[str] = []

    class NotStarted(operator._Run):
        def run(self, jobs: int) -> None:
            waiting.extend(located.student for located in self._waiting)

    monkeypatch.setattr(operator, "_Run", NotStarted)
    run_again(root, is_forced=is_forced)
    return sorted(waiting)


def test_an_incomplete_report_is_graded_again(again: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = again / "reports" / "ada" / "report.staff.json"
    content = json.loads(path.read_bytes())
    report = content["report"]
    report["exercises"][1]["checks"][0] |= {"outcome": "not_graded", "points": 0.0}
    report["exercises"][1]["points"] = 1.0
    report |= {"points": 4.0, "points_not_graded": 1.0, "grade": None}
    path.write_text(json.dumps(content))
    assert read_report(path).report.has_not_graded
    assert _handed_out(again, monkeypatch) == ["ada"]


def test_a_fault_that_is_on_record_is_said_again(again: Path) -> None:
    path = again / "reports" / "ada" / "report.staff.json"
    content = json.loads(path.read_bytes())
    content["incidents"] = [{"kind": "grader-fault", "check": "check_halve[odd]", "detail": "a mistake broke"}]
    path.write_text(json.dumps(content))
    outcome, anew = run_again(again)
    assert anew == []
    assert outcome.graded[0].faults == ("check_halve[odd]: a mistake broke",)
    assert not outcome.is_complete


def test_files_of_the_run_are_left_to_nobody_else(graded: Run) -> None:
    leftovers = [path.name for path in graded.out.rglob("*") if path.name.startswith(".")]
    assert leftovers == []
    assert os.stat(graded.out / "ada" / "report.staff.json").st_mode & 0o007 == 0
