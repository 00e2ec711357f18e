"""The command line: stdout is the result, stderr is progress, every failure is one sentence and an exit code."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from autograder import __version__, cli
from autograder import course as courses
from autograder.course import Course
from autograder.errors import HarnessError, SandboxUnavailable, StudentError
from autograder.grading import operator
from autograder.grading.operator import Graded, Outcome
from autograder.reports.example import example_staff_report
from autograder.reports.store import write_report
from tests.unit.toy import (
    DOUBLE,
    HEAD,
    SQUARED,
    STUB,
    TOML,
    TOPIC,
    autograder,
    cell,
    checks_of,
    command,
    hand_in,
    make_course,
    notebook,
    save,
    staff_report,
)


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command line in this process, in a given folder."""

    def run_here(*words: str | Path, cwd: Path | None = None) -> Ended:
        monkeypatch.chdir(cwd or tmp_path)
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
        capsys.readouterr()
        status: Any = 0
        try:
            cli.main()
        except SystemExit as ending:
            status = ending.code
        return Ended(status or 0, *capsys.readouterr())

    return run_here


# ---------------------------------------------------------------------------------------------- usage


USAGE: dict[str, tuple[list[str], str]] = {
    "an unknown topic": (
        ["grade", "toys", "a.py", "--out", "o"],
        "topic: expected one of toy (course.toml), got 'toys'.",
    ),
    "a missing file": (["grade", TOPIC, "gone.ipynb", "--out", "o"], "got 'gone.ipynb', which does not exist."),
    "another file": (
        ["grade", TOPIC, "course.toml", "--out", "o"],
        "expected a .ipynb or .py file, got 'course.toml'.",
    ),
    "an empty folder": (["grade", TOPIC, "empty", "--out", "o"], "or <student>/toy/ folders, got none in 'empty'."),
    "a student twice": (
        ["grade", TOPIC, "a.py", "b/a.py", "--out", "o"],
        "expected one per student, got several of 'a'.",
    ),
    "an --out that is a file": (
        ["grade", TOPIC, "a.py", "--out", "a.py"],
        "--out: expected a folder that can be written",
    ),
    "no submission": (["grade", TOPIC, "--out", "o"], "grade: expected a topic and its submissions, or --all DIR."),
    "neither a topic nor all": (["grade", "--out", "o"], "grade: expected a topic and its submissions, or --all DIR."),
    "a topic and all": (
        ["grade", TOPIC, "--all", "b", "--out", "o"],
        "grade: expected either a topic or --all DIR, got both 'toy' and 'b'.",
    ),
    "all of nothing": (["grade", "--all", "gone", "--out", "o"], "--all: expected a folder, got 'gone'."),
    "all of a folder without topics": (
        ["grade", "--all", "empty", "--out", "o"],
        "--all: expected <topic>/ or <student>/<topic>/ folders of toy, got none in 'empty'.",
    ),
    "no --out": (["grade", TOPIC, "a.py"], "Missing option '--out'."),
    "no jobs": (
        ["grade", TOPIC, "a.py", "--out", "o", "--jobs", "0"],
        "Invalid value for '--jobs': 0 is not in the range",
    ),
    "a device": (["grade", TOPIC, "a.py", "--out", "o", "--device", "tpu"], "Invalid value for '--device': 'tpu'"),
    "an unknown command": (["mark"], "No such command 'mark'."),
    "an unknown option": (["grade", "--fast"], "No such option"),
    "a report folder that is none": (["report", "gone"], "directory: expected a folder of reports, got 'gone'."),
    "a folder without reports": (["report", "empty"], "expected folders with a report.staff.json, got none."),
    "a notebook to check that is none": (
        ["check", "gone.ipynb"],
        "file: expected a notebook (.ipynb), got 'gone.ipynb', which does not exist.",
    ),
    "a script to check": (["check", "a.py"], "file: expected a notebook (.ipynb), got 'a.py'."),
}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    make_course(tmp_path)
    save(tmp_path / "a.py", DOUBLE)
    save(tmp_path / "b" / "a.py", DOUBLE)
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(("words", "why"), USAGE.values(), ids=USAGE)
def test_what_is_not_usable_is_one_sentence_and_exit_2(course: Path, run: Command, words: list[str], why: str) -> None:
    ended = run(*words)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.startswith("autograder: ")
    assert why in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("call_s = 1.0", "call_s = 0", "course.toml: limits.call_s: Input should be greater than 0, got 0."),
        ("points = 5.0", "pts = 5.0", "course.toml: topics.toy.points: Field required"),
        ("[limits]", "[limits", "course.toml: expected a TOML file, got: "),
    ],
)
def test_a_bad_entry_of_the_course_is_named(course: Path, run: Command, old: str, new: str, why: str) -> None:
    save(course / "course.toml", TOML.replace(old, new))
    for words in (["grade", TOPIC, "a.py", "--out", "o"], ["doctor"], ["check", "assignments/toy/toy.ipynb"]):
        ended = run(*words)
        assert ended.status == 2, words
        assert ended.err.startswith(f"autograder: {why}"), words


def test_without_a_course_there_is_nothing_to_grade(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    ended = run("grade", TOPIC, "a.py", "--out", "o")
    assert ended.status == 2
    assert "Run from the course's folder." in ended.err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SandboxUnavailable("cannot confine the worker: got no landlock."), 2),
        (HarnessError("grade_toy.py: the hidden checks cannot be collected: KeyError"), 1),
        (StudentError("out of place"), 1),
    ],
)
def test_what_the_operator_cannot_do_is_one_sentence(
    course: Path, run: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def refuse(*args: object, **kwargs: object) -> Outcome:
        raise error

    monkeypatch.setattr(operator, "grade", refuse)
    ended = run("grade", TOPIC, "a.py", "--out", "o")
    assert (ended.status, ended.out, ended.err) == (status, "", f"autograder: {error}\n")


def test_ctrl_c_in_any_command_is_130(course: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(directory: Path, order: object) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "rebuild", interrupt)
    ended = run("report", "empty")
    assert ended.status == 130
    assert ended.err.strip() == "autograder: interrupted; what is graded is kept, run it again to go on."


def test_version_and_help(run: Command) -> None:
    assert run("--version") == Ended(0, f"autograder, version {__version__}\n", "")
    assert run("grade", "-h").out.startswith("Usage: autograder grade [OPTIONS] [TOPIC] [SUBMISSIONS]...")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    assert autograder("--version", cwd=tmp_path).stdout == f"autograder, version {__version__}\n"


# ---------------------------------------------------------------------------------------------- what grade prints


def printed(run: Command, monkeypatch: pytest.MonkeyPatch, *graded: Graded, **set_aside: str) -> Ended:
    """Return what is printed about these results, without grading and without a class page."""

    def pretend(
        topic: object, located: object, out: Path, *, progress: Callable[[Graded], None], **rest: Any
    ) -> Outcome:
        for item in graded:
            progress(item)
        return Outcome(list(graded), set_aside)

    monkeypatch.setattr(operator, "grade", pretend)
    monkeypatch.setattr(cli, "write_class_page", lambda out: out / "index.html")
    return run("grade", TOPIC, "a.py", "--out", "o")


def test_results_and_progress_are_apart(course: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = printed(
        run,
        monkeypatch,
        Graded("ada", 4.5, 5.0, 90.0, duration_s=0.123),
        Graded("bob", 5.0, 5.0, 100.0, was_cached=True),
    )
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "ada\t4.5/5\t90.0 %",
        "bob\t5/5\t100.0 %",
        str((course / "o" / "index.html").resolve()),
    ]
    assert ended.err.splitlines() == ["[1/1] ada: 4.5/5 (0.12 s)", "[2/1] bob: 5/5 (kept)"]


def test_faults_of_ours_are_counted_once_each(course: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    fault, other = "check_a: TypeError: oops", "check_b: the misconception f raised KeyError: 1"
    ended = printed(
        run, monkeypatch, Graded("ada", 1, 5, None, (fault, other)), Graded("bob", 1, 5, None, (fault,))
    )  # fmt: skip
    assert ended.status == 1
    assert "ada\t1/5\tnot graded yet" in ended.out.splitlines()
    assert ended.err.splitlines()[-2:] == [f"our fault (2 submissions): {fault}", f"our fault (1 submission): {other}"]


def test_who_is_set_aside_is_named(course: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = printed(run, monkeypatch, **{"eve\n[1/1] bob": "its grader process ended 2 times"})
    assert ended.status == 1
    assert ended.out == "eve�[1/1] bob\tnot graded\tits grader process ended 2 times\n"
    assert ended.err == "eve�[1/1] bob: not graded: its grader process ended 2 times\n"


def test_names_cannot_move_the_cursor(course: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = printed(run, monkeypatch, Graded("a\x1b[2J\nb", 1, 5, 20.0))
    assert ended.out.splitlines()[0] == "a�[2J�b\t1/5\t20.0 %"
    assert "\x1b" not in ended.err


# ---------------------------------------------------------------------------------------------- real runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one submission that is graded."""
    root = tmp_path_factory.mktemp("finished")
    make_course(root)
    hand_in(root, "ada", notebook())
    process = autograder("grade", TOPIC, "submitted", "--out", "reports", cwd=root)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == ["ada\t5/5\t100.0 %", str((root / "reports" / "index.html").resolve())]
    assert re.fullmatch(r"\[1/1\] ada: 5/5 \(\d+\.\d\d s\)\n", process.stderr)
    return root


def test_a_second_run_keeps_the_reports(finished: Path, run: Command) -> None:
    ended = run("grade", TOPIC, "submitted", "--out", "reports", cwd=finished)
    assert ended.status == 0
    assert ended.err == "[1/1] ada: 5/5 (kept)\n"
    assert ended.out.splitlines()[-1] == str((finished / "reports" / "index.html").resolve())


def test_a_bar_is_drawn_on_a_terminal_only(finished: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with open(theirs, "wb", buffering=0) as terminal:
        process = subprocess.Popen(
            command("grade", TOPIC, "submitted", "--out", "reports"),
            cwd=finished, stdout=subprocess.PIPE, stderr=terminal, text=True,
        )  # fmt: skip
        out, _ = process.communicate(timeout=60)
    drawn = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            drawn += chunk
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
    assert process.returncode == 0
    assert b"0/1 [00:00" in drawn
    assert b"(kept)" not in drawn
    assert out.splitlines()[0] == "ada\t5/5\t100.0 %"


def test_report_draws_every_page_again(finished: Path, run: Command) -> None:
    pages = [finished / "reports" / "index.html", finished / "reports" / "ada" / "report.html"]
    before = [page.read_bytes() for page in pages]
    for page in pages:
        page.unlink()
    ended = run("report", "reports", cwd=finished)
    assert (ended.status, ended.out, ended.err) == (0, f"{pages[0].resolve()}\n", "")
    assert [page.read_bytes() for page in pages] == before


BROKEN = (
    HEAD
    + '''

@exercise("double")
@points(1)
def check_bare_assert(student):
    """A check with a bare assert."""
    assert student.double(1.0) == -1, "2.0 is what the student returned"
'''
)


def test_a_broken_check_is_named_and_the_exit_code_is_1(tmp_path: Path) -> None:
    make_course(tmp_path, BROKEN)
    hand_in(tmp_path, "ada", notebook())
    hand_in(tmp_path, "bob", notebook(SQUARED))
    process = autograder("grade", TOPIC, "submitted", "--out", "reports", cwd=tmp_path)
    assert process.returncode == 1
    assert "ada\t2/3\tnot graded yet\n" in process.stdout
    sentence = "check_bare_assert: AssertionError: 2.0 is what the student returned"
    assert process.stderr.splitlines()[-1] == f"our fault (2 submissions): {sentence}"
    assert "Traceback" not in process.stderr
    staff = staff_report(tmp_path / "reports", "ada")
    assert (staff.report.points, staff.report.points_not_graded, staff.report.grade) == (2.0, 1.0, None)
    assert checks_of(staff.report)["check_double_of_a_number"].points == 2.0
    assert [(incident.kind, incident.check) for incident in staff.incidents] == [("grader-fault", "check_bare_assert")]
    for name in ("report.json", "report.html"):
        public = (tmp_path / "reports" / "ada" / name).read_text(encoding="utf-8")
        assert "Traceback" not in public
        assert "AssertionError" not in public


def test_checks_that_cannot_be_collected_end_the_run_with_a_sentence(tmp_path: Path) -> None:
    make_course(tmp_path, "def check_(:\n")
    hand_in(tmp_path, "ada", notebook())
    process = autograder("grade", TOPIC, "submitted", "--out", "reports", cwd=tmp_path)
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr == (
        "autograder: grade_toy.py: the hidden checks cannot be collected: "
        "SyntaxError: invalid syntax (grade_toy.py, line 1)\n"
    )
    assert list((tmp_path / "reports").iterdir()) == []


def _processes_below(root: Path) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = os.readlink(entry / "cwd")
            except OSError:
                continue
            if where.startswith(str(root)):
                yield entry.name


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_an_ended_run_goes_on_where_it_was(tmp_path: Path, run: Command, ending: signal.Signals) -> None:
    make_course(tmp_path, toml=TOML.replace("cell_s = 2.0", "cell_s = 10.0"))
    hand_in(tmp_path, "a quick one", notebook())
    hand_in(tmp_path, "b slow one", notebook("import time\ntime.sleep(2.5)\n" + DOUBLE))
    with subprocess.Popen(
        command("grade", TOPIC, "submitted", "--out", "reports"),
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("[1/2] a quick one: 5/5"), first
        time.sleep(0.3)
        process.send_signal(ending)
        rest, out = process.stderr.read(), process.communicate(timeout=30)[0]
    assert out == ""
    if ending == signal.SIGINT:
        assert process.returncode == 130
        assert rest.strip() == "autograder: interrupted; what is graded is kept, run it again to go on."
    else:
        assert rest == "", "a grader process whose operator is gone ends quietly"
    deadline = time.monotonic() + 10
    while list(_processes_below(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(_processes_below(tmp_path)) == []
    assert (tmp_path / "reports" / "a quick one" / "report.staff.json").is_file()
    assert not list((tmp_path / "reports").rglob("*.tmp"))
    if ending == signal.SIGKILL:
        return
    ended = run("grade", TOPIC, "submitted", "--out", "reports")
    assert ended.status == 0
    assert ended.err.splitlines()[0] == "[1/2] a quick one: 5/5 (kept)"
    assert ended.err.splitlines()[1].startswith("[2/2] b slow one: 5/5 (")


# ---------------------------------------------------------------------------------------------- check


def test_a_student_checks_a_notebook_beside_a_course(tmp_path: Path, run: Command) -> None:
    make_course(tmp_path)
    path = save(tmp_path / "home" / "my: toys?.ipynb", notebook(halve=STUB))
    ended = run("check", path, "--out", tmp_path / "checked")
    assert ended.status == 0
    passed, failed, summary, page = ended.out.splitlines()
    assert passed == "double: passed"
    assert failed.startswith("halve: failed: test_halve: ")
    assert summary == "1 of 2 visible tests passed; hidden checks decide the points."
    assert Path(page).is_file()
    assert Path(page).name == "report.html"
    assert ended.err == ""


def test_a_student_checks_a_notebook_without_a_course(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    ended = run("check", save(tmp_path / "toys.ipynb", notebook("%matplotlib inline\n" + DOUBLE)))
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "double: passed",
        "halve: passed",
        "note: cell double: '%matplotlib inline' was left out",
        "2 of 2 visible tests passed; hidden checks decide the points.",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["toys.ipynb"]


@pytest.mark.parametrize(("limit", "outcome"), [("cell_s = 9.0", "passed"), ("cell_s = 0.5", "timed out")])
def test_a_visible_test_has_the_time_that_its_topic_gives_a_cell(
    tmp_path: Path, run: Command, limit: str, outcome: str
) -> None:
    """A call may take a second there; a cell that trains a network takes longer."""
    make_course(tmp_path, toml=f"{TOML}\n[topics.toy.limits]\n{limit}\n")
    training = cell("import time\ntime.sleep(1.2)", "test_training", grade=True, points=1)
    path = save(tmp_path / "home" / "toy.ipynb", notebook(change=lambda whole: whole["cells"].append(training)))
    ended = run("check", path)
    assert next(line for line in ended.out.splitlines() if line.startswith("training: ")).startswith(
        f"training: {outcome}"
    )


def test_a_check_that_could_not_be_judged_is_exit_1(
    tmp_path: Path, run: Command, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "ada.ipynb", notebook())
    staff = staff_report(finished / "reports", "ada")
    monkeypatch.setattr(operator, "check_visible", lambda *paths: Graded("ada", 1.0, 2.0, None))

    check = staff.report.exercises[0].checks[0].model_copy(update={"outcome": "not_graded", "points": 0.0})
    exercise = staff.report.exercises[0].model_copy(update={"checks": (check,)})
    report = staff.report.model_copy(update={"exercises": (exercise,)})
    monkeypatch.setattr(cli, "read_report", lambda path: staff.model_copy(update={"report": report}))
    ended = run("check", path)
    assert ended.status == 1
    assert ended.out.splitlines()[0] == "double: not graded"


# ---------------------------------------------------------------------------------------------- doctor and release


@pytest.mark.parametrize(("is_fit", "status"), [(True, 0), (False, 1)])
def test_doctor_prints_the_verdict(
    course: Path, run: Command, monkeypatch: pytest.MonkeyPatch, is_fit: bool, status: int
) -> None:
    seen: list[Course | None] = []

    def examine(found: Course | None) -> tuple[list[str], bool]:
        seen.append(found)
        return ["layers", "verdict"], is_fit

    monkeypatch.setattr("autograder.grading.doctor.examine", examine)
    assert run("doctor") == Ended(status, "layers\nverdict\n", "")
    assert seen[0] is not None
    assert seen[0].root == course.resolve()
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    run("doctor")
    assert seen[1] is None


def test_release_needs_nbgrader(course: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "autograder.nbgrader.release", None)
    ended = run("release")
    assert ended.status == 2
    assert "Install autograder[nbgrader]." in ended.err


@pytest.mark.parametrize("words", [[], [TOPIC]])
def test_release_makes_the_topics(
    course: Path, run: Command, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    module: Any = ModuleType("autograder.nbgrader.release")
    module.release_topic = lambda found, name: found.root / "assignments" / name
    monkeypatch.setitem(sys.modules, "autograder.nbgrader.release", module)
    assert run("release", *words) == Ended(0, f"{course.resolve() / 'assignments' / TOPIC}\n", "")


def test_progress_on_a_stream_without_a_terminal_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with cli._Progress(1) as progress:
        progress(Graded("ada", 1, 2, 50.0, duration_s=1.0))
    assert stream.getvalue() == "[1/1] ada: 1/2 (1.00 s)\n"


# ---------------------------------------------------------------------------------------------- the whole course


@pytest.mark.parametrize("layout", ["{topic}/{student}.ipynb", "{student}/{topic}/{topic}.ipynb"])
def test_all_topics_are_graded_into_a_page_of_the_course(tmp_path: Path, run: Command, layout: str) -> None:
    make_course(tmp_path)
    for student, double in (("ann", DOUBLE), ("bob", SQUARED)):
        save(tmp_path / "all" / layout.format(topic=TOPIC, student=student), notebook(double))
    ended = run("grade", "--all", "all", "--out", "out")
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    assert [line.split("\t")[:2] for line in lines[:2]] == [[TOPIC, "ann"], [TOPIC, "bob"]]
    assert lines[-1] == str((tmp_path / "out" / "index.html").resolve())
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    for href in ("toy/index.html", "toy/ann/report.html", "toy/bob/report.html"):
        assert f'href="{href}"' in page
        assert (tmp_path / "out" / href).is_file()
    (tmp_path / "out" / "index.html").unlink()
    assert run("report", "out").out.strip() == lines[-1]
    assert (tmp_path / "out" / "index.html").read_text(encoding="utf-8") == page


# ---------------------------------------------------------------------------------------------- slips of staff


@pytest.mark.parametrize(
    "words",
    [["grade", TOPIC, "a.ipynb", "--out", ""], ["grade", TOPIC, "", "--out", "o"], ["grade", "--all", "", "--out", "o"],
     ["report", ""], ["sign", "--new-key", ""]],
)  # fmt: skip
def test_an_empty_text_is_no_path(tmp_path: Path, run: Command, words: list[str]) -> None:
    """An unset variable of the shell would stand for the folder that one is in, the course's for one."""
    make_course(tmp_path)
    ended = run(*words)
    assert ended.status == 2
    assert "expected a path, got an empty text." in ended.err


def test_reports_do_not_go_into_the_folder_of_the_submissions(tmp_path: Path, run: Command) -> None:
    make_course(tmp_path)
    hand_in(tmp_path, "ada", notebook())
    ended = run("grade", TOPIC, "submitted", "--out", "submitted/../submitted")
    assert (ended.status, ended.err[:47]) == (2, "autograder: --out: expected a folder of its own")


def test_reports_of_another_topic_are_not_overwritten(tmp_path: Path, run: Command) -> None:
    make_course(tmp_path)
    hand_in(tmp_path, "ada", notebook())
    write_report(tmp_path / "out", example_staff_report("ada"))
    before = (tmp_path / "out" / "ada" / "report.json").read_bytes()
    ended = run("grade", TOPIC, "submitted", "--out", "out")
    assert ended.status == 2
    assert ended.err.startswith("autograder: --out: expected a folder for reports of toy, got 'out' with a report of ")
    assert (tmp_path / "out" / "ada" / "report.json").read_bytes() == before


def test_who_cannot_be_read_is_named_on_the_terminal(tmp_path: Path, run: Command) -> None:
    make_course(tmp_path)
    save(tmp_path / "in" / "ada.ipynb", notebook())
    save(tmp_path / "in" / "eve.ipynb", "")
    for how in ("graded", "kept"):
        ended = run("grade", TOPIC, "in", "--out", "out", "--device", "cpu")
        assert "eve: 0/5: expected JSON, got an empty file\n" in ended.err, how
        assert "ada: 5/5: " not in ended.err


def test_a_topic_that_cannot_be_graded_does_not_keep_the_others_from_it(tmp_path: Path, run: Command) -> None:
    course = make_course(tmp_path)
    more = '[topics.other]\ntitle = "Another"\npoints = 5.0\n'
    (tmp_path / "course.toml").write_text(
        (tmp_path / "course.toml").read_text().replace("[topics.", more + "[topics.", 1)
    )
    for room, name in (("assignments", "other/other.ipynb"), ("tests", "hidden/grade_other.py")):
        save(tmp_path / room / name, notebook() if room == "assignments" else "def broken(:\n")
    for topic in ("other", TOPIC):
        save(tmp_path / "in" / topic / "ada.ipynb", notebook())
    ended = run("grade", "--all", "in", "--out", "out", "--device", "cpu")
    assert ended.status == 1, ended.err
    assert "autograder: other: " in ended.err
    assert f"{TOPIC}\tada\t5/5\t" in ended.out
    assert course.release.is_file()


def test_without_words_the_help_is_shown_in_lines(tmp_path: Path, run: Command) -> None:
    ended = run()
    assert ended.status == 2
    assert ended.err.splitlines()[0].startswith("Usage: autograder")
