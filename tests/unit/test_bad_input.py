"""Whatever comes in, it ends in one sentence and exit 2, or in a report that says what is wrong with a submission.

``corpus/`` holds broken files, one fault each, under the suffix ``.broken``, which no tool of the house opens. To add
one, put it there. What hypothesis makes up beside them is the same in each run.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import cli
from autograder.course import Course
from autograder.errors import UsageError
from autograder.grading.assemble import _late
from autograder.grading.grader import open_nursery
from autograder.reports.example import example_staff_report
from autograder.reports.store import read_report, write_report
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located, Submission, read
from tests.unit.toy import (
    DOUBLE,
    HALVE,
    STUB,
    TOML,
    TOPIC,
    autograder,
    command,
    hand_in,
    make_course,
    notebook,
    save,
    staff_report,
)

CORPUS = Path(__file__).parent / "corpus"
SENTENCE_CHARS = 700  # with a path in it
few = settings(
    derandomize=True, max_examples=60, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def corpus(kind: str) -> list[Any]:
    """Return the broken files of one kind as parameters of a test."""
    found = sorted((CORPUS / kind).glob("*.broken"))
    assert len(found) > 10
    return [pytest.param(path, id=path.stem) for path in found]


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


def run(*words: str | Path, cwd: Path) -> Ended:
    """Run the command line in this process, in a folder."""
    status: Any = 0
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.argv = ["autograder", *map(str, words)]
        try:
            cli.main()
        except SystemExit as ending:
            status = ending.code
        finally:
            sys.argv = argv
    return Ended(status or 0, out.getvalue(), err.getvalue())


def everything_below(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in root.rglob("*")}


def assert_one_sentence(ended: Ended, begins: str = "autograder: ") -> None:
    """Assert that a command has refused, in one line of plain text on stderr."""
    assert (ended.status, ended.out) == (2, ""), ended
    assert ended.err.startswith(begins), ended.err
    assert ended.err.endswith("\n")
    sentence = ended.err[:-1]
    assert sentence.isprintable(), ended.err
    assert len(sentence) <= SENTENCE_CHARS
    assert "Traceback" not in sentence


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course, two submissions, a folder of reports, and what is none of these."""
    root = tmp_path_factory.mktemp("course")
    make_course(root)
    save(root / "a.py", DOUBLE)
    hand_in(root, "ada", notebook())
    write_report(root / "reports", example_staff_report("ada"))
    (root / "empty").mkdir()
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe.ipynb")
    return root


# ---------------------------------------------------------------------------------------------- arguments

LONG = "x" * 300
ARGUMENTS: dict[str, list[str]] = {
    "a long topic": ["grade", LONG, "a.py", "--out", "o"],
    "a topic with control characters": ["grade", "\x1b[31m\n\u202e", "a.py", "--out", "o"],
    "a topic that is a path": ["grade", "../toy", "a.py", "--out", "o"],
    "a long submission": ["grade", TOPIC, LONG, "--out", "o"],
    "a submission with control characters": ["grade", TOPIC, "\x1b[2J\nann\t5/5.py", "--out", "o"],
    "a submission that is no text": ["grade", TOPIC, os.fsdecode(b"\xff.py"), "--out", "o"],
    "a submission that is an option": ["grade", TOPIC, "--out", "o", "--", "--force"],
    "a loop": ["grade", TOPIC, "loop", "--out", "o"],
    "a pipe": ["grade", TOPIC, "pipe.ipynb", "--out", "o"],
    "a long --all": ["grade", "--all", LONG, "--out", "o"],
    "all of a loop": ["grade", "--all", "loop", "--out", "o"],
    "all of a file": ["grade", "--all", "a.py", "--out", "o"],
    "a long --out": ["grade", TOPIC, "a.py", "--out", LONG],
    "an --out below a file": ["grade", TOPIC, "a.py", "--out", "a.py/o"],
    "an --out that is a loop": ["grade", TOPIC, "a.py", "--out", "loop/o"],
    "an empty --out": ["grade", TOPIC, "nothing.py", "--out", ""],
    "jobs in words": ["grade", TOPIC, "a.py", "--out", "o", "--jobs", "many"],
    "too many jobs": ["grade", TOPIC, "a.py", "--out", "o", "--jobs", "9" * 50],
    "a long file to check": ["check", f"{LONG}.ipynb"],
    "a pipe to check": ["check", "pipe.ipynb"],
    "a folder to check": ["check", "empty"],
    "a check into a file": ["check", "submitted/ada/toy/toy.ipynb", "--out", "a.py"],
    "a long folder of reports": ["report", LONG],
    "a loop of reports": ["report", "loop"],
    "no folder of reports": ["report"],
    "two folders of reports": ["report", "reports", "empty"],
    "a topic without a solution": ["release", TOPIC],
    "a release of nothing": ["release", "../toy\x1b[31m"],
    "an argument for doctor": ["doctor", "now"],
    "an option with control characters": ["--\x1b[31m\nred"],
    "no command": ["\n"],
}


@pytest.mark.parametrize("words", ARGUMENTS.values(), ids=ARGUMENTS)
def test_an_argument_that_is_not_usable_is_one_sentence(course: Path, words: list[str]) -> None:
    before = everything_below(course)
    assert_one_sentence(run(*words, cwd=course))
    assert everything_below(course) == before


word = st.one_of(
    st.sampled_from([
        "--out", "--all", "--jobs", "--device", "--force", "--", "-", "-h", "0", "cpu", TOPIC, "a.py", "empty", "loop",
        "pipe.ipynb", "course.toml", "/dev/null", "/", "..", "~", "o",
    ]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
)  # fmt: skip


@few
@given(name=st.sampled_from(["grade", "check", "report", "release", "doctor"]), words=st.lists(word, max_size=6))
def test_any_arguments_are_answered_in_one_sentence(course: Path, name: str, words: list[str]) -> None:
    """They begin with one that nothing is called, so that nothing is started."""
    ended = run(name, "no such thing", *words, cwd=course)
    if ended.status == 0:
        assert "-h" in words
    else:
        assert_one_sentence(ended)
    assert not (course / "o").exists()


# ---------------------------------------------------------------------------------------------- course.toml


@pytest.mark.parametrize("path", corpus("courses"))
def test_a_broken_course_is_one_sentence_in_every_command(tmp_path: Path, path: Path) -> None:
    make_course(tmp_path)
    save(tmp_path / "a.ipynb", notebook())
    write_report(tmp_path / "reports", example_staff_report("ada"))
    save(tmp_path / "course.toml", path.read_bytes())
    before = everything_below(tmp_path)
    for words in (["grade", TOPIC, "a.ipynb", "--out", "o"], ["grade", "--all", ".", "--out", "o"], ["doctor"],
                  ["check", "a.ipynb"], ["release"], ["report", "reports"]):  # fmt: skip
        assert_one_sentence(run(*words, cwd=tmp_path), "autograder: course.toml: ")
    assert everything_below(tmp_path) == before


scalar = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(10**18, 10**400), st.floats(), st.text(max_size=12)
)
value = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@few
@given(cut=st.tuples(st.integers(0, len(TOML)), st.integers(0, 60)), text=st.text(max_size=15))
def test_a_changed_course_is_read_or_refused_in_a_sentence(tmp_path: Path, cut: tuple[int, int], text: str) -> None:
    start, length = cut
    content = TOML[:start] + text + TOML[start + length :]
    try:
        found = Course.read(save(tmp_path / "course.toml", content.encode("utf-8", "surrogatepass")))
    except UsageError as error:
        said = str(error)
        assert said.startswith("course.toml: ")
        assert len(said) <= SENTENCE_CHARS
    else:
        assert all(math.isfinite(topic.points) for topic in found.file.topics.values())


def test_a_module_that_is_not_installed_is_named_before_anything_starts(tmp_path: Path) -> None:
    make_course(tmp_path, toml=TOML.replace('preload = ["torch"]', 'preload = ["no_such_module.part"]'))
    with pytest.raises(UsageError, match=r"^course\.toml: expected the module no_such_module\.part \(preload\) to be"):
        open_nursery(Course.find(tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", json.dumps({"nbformat": 99}).encode()], ids=["empty", "cut", "99"])
def test_a_broken_release_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    make_course(tmp_path)
    save(tmp_path / "assignments" / TOPIC / "toy.ipynb", content)
    save(tmp_path / "a.py", DOUBLE)
    assert_one_sentence(run("grade", TOPIC, "a.py", "--out", "o", cwd=tmp_path), "autograder: toy.ipynb: expected ")


# ---------------------------------------------------------------------------------------------- submissions


@pytest.fixture(scope="module")
def manifest(course: Path) -> Manifest:
    return Manifest.read(Course.find(course).topic(TOPIC).release)


def expect_a_submission(submission: Submission) -> None:
    """Assert what holds of any: code that is text in cells of known exercises, or one sentence why there is none."""
    assert {item.exercise for item in submission.cells} <= {"", "*", "double", "halve"}
    assert not any("assert double(1) == 2" in item.source for item in submission.cells)
    if submission.unreadable:
        assert submission.cells == ()
        assert len(submission.unreadable) <= SENTENCE_CHARS
    assert len(submission.sha256) == 64


def replaced(tree: Any, path: list[int], leaf: Any) -> Any:
    """Return a copy of a tree in which what a walk of these steps ends at is another value."""
    tree = here = copy.deepcopy(tree)
    steps: list[tuple[Any, Any]] = []
    for step in path:
        keys = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        if not keys:
            break
        steps.append((here, keys[step % len(keys)]))
        here = here[keys[step % len(keys)]]
    if not steps:
        return leaf
    parent, key = steps[-1]
    parent[key] = leaf
    return tree


@few
@given(path=st.lists(st.integers(0, 9), max_size=6), leaf=value)
def test_a_notebook_with_something_else_in_it_is_read_or_refused(
    tmp_path: Path, manifest: Manifest, path: list[int], leaf: Any
) -> None:
    changed = json.dumps(replaced(notebook(), path, leaf))
    expect_a_submission(read(Located("ada", save(tmp_path / "ada.ipynb", changed)), TOPIC, manifest))


@few
@given(start=st.integers(0, 2_000), length=st.integers(0, 40), data=st.binary(max_size=8), suffix=st.sampled_from([
    "ipynb", "py"]))  # fmt: skip
def test_a_damaged_file_is_read_or_refused(
    tmp_path: Path, manifest: Manifest, start: int, length: int, data: bytes, suffix: str
) -> None:
    whole = json.dumps(notebook()).encode() if suffix == "ipynb" else (DOUBLE + HALVE).encode()
    path = save(tmp_path / f"ada.{suffix}", whole[:start] + data + whole[start + length :])
    expect_a_submission(read(Located("ada", path), TOPIC, manifest))


@few
@given(text=st.text(max_size=40) | st.datetimes().map(str) | st.datetimes().map(lambda moment: f"{moment}+14:00"))
def test_any_time_stamp_is_a_moment_or_an_oddity(tmp_path: Path, manifest: Manifest, text: str) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    save(folder / "timestamp.txt", text.encode("utf-8", "surrogatepass"))
    submission = read(Located("ada", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert (submission.submitted_at is None) == ([odd.kind for odd in submission.oddities] == ["bad-timestamp"])
    table = Course.find(make_course(tmp_path / "course").course.root).file.topics[TOPIC]
    assert all(math.isfinite(number) and number >= 0 for number in _late(table, submission.submitted_at))


@few
@given(name=st.text(st.characters(exclude_characters="\0/"), min_size=1, max_size=60))
def test_any_name_has_a_report_inside_the_folder(tmp_path: Path, name: str) -> None:
    located = Located(name, None)
    assert "\n" not in located.student
    out = tmp_path / "out"
    before = set(tmp_path.rglob("*"))
    write_report(out, example_staff_report(located.student, {}))
    new = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    assert all(path.parent.parent == out for path in new)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """All broken submissions and one right one in one class, over broken reports of right submissions."""
    root = tmp_path_factory.mktemp("graded")
    make_course(root)
    for kind, suffix in (("notebooks", "ipynb"), ("scripts", "py")):
        for parameter in corpus(kind):
            path = parameter.values[0]
            hand_in(root, f"{kind} {path.stem}", path.read_bytes(), f"toy.{suffix}")
    for parameter in corpus("reports"):
        path = parameter.values[0]
        student = f"reports {path.stem}"
        hand_in(root, student, notebook())
        for name in ("report.json", "report.staff.json"):
            save(root / "out" / student / name, path.read_bytes())
    hand_in(root, "ada", notebook())
    hand_in(root, "in the way", notebook())
    save(root / "out" / "in the way", "a file where a folder should be")
    words = command("grade", TOPIC, "submitted", "--out", "out", "--device", "cpu")
    return root, subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("path", corpus("notebooks") + corpus("scripts"))
def test_a_broken_submission_has_a_report_that_says_so(
    graded: tuple[Path, subprocess.CompletedProcess[str]], path: Path
) -> None:
    report = staff_report(graded[0] / "out", f"{path.parent.name} {path.stem}").report
    assert (report.points, report.max_points, report.has_not_graded) == (0.0, 5.0, False)
    says = {incident.kind for incident in report.incidents} & {
        "unreadable",
        "wrong-notebook",
        "deleted-cell",
        "cell-failed",
    }
    assert says or path.stem == "empty", report.incidents
    assert all(check.message for check in report.checks)


@pytest.mark.parametrize("path", corpus("reports"))
def test_a_broken_report_is_made_again(graded: tuple[Path, subprocess.CompletedProcess[str]], path: Path) -> None:
    report = staff_report(graded[0] / "out", f"reports {path.stem}").report
    assert (report.points, report.grade) == (5.0, 100.0)


def test_the_others_are_graded_and_what_is_in_the_way_is_named(
    graded: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, process = graded
    assert process.returncode == 1
    assert staff_report(root / "out", "ada").report.points == 5.0
    (line,) = [line for line in process.stdout.splitlines() if line.startswith("in the way\t")]
    assert line.startswith("in the way\tnot graded\t")
    assert (root / "out" / "in the way").read_text() == "a file where a folder should be"
    assert "Traceback" not in process.stderr
    assert all(line.isprintable() for line in process.stderr.splitlines())
    count = len(list((root / "submitted").iterdir()))
    assert len(process.stdout.splitlines()) == count + 1


# ---------------------------------------------------------------------------------------------- reports


@pytest.mark.parametrize("path", corpus("reports"))
def test_a_broken_report_is_not_drawn(tmp_path: Path, path: Path) -> None:
    write_report(tmp_path / "out", example_staff_report("bob"))
    save(tmp_path / "out" / "ada" / "report.staff.json", path.read_bytes())
    before = everything_below(tmp_path)
    ended = run("report", "out", cwd=tmp_path)
    assert_one_sentence(ended)
    assert "Grade this submission again with --force." in ended.err
    assert everything_below(tmp_path) == before


@few
@given(path=st.lists(st.integers(0, 30), max_size=7), leaf=value)
def test_a_changed_report_is_refused_or_adds_up(tmp_path: Path, path: list[int], leaf: Any) -> None:
    changed = replaced(json.loads(example_staff_report("ada").model_dump_json()), path, leaf)
    try:
        staff = read_report(save(tmp_path / "report.staff.json", json.dumps(changed)))
    except UsageError as error:
        said = str(error)
        assert "expected a staff report" in said
    else:
        earned = math.fsum(check.max_points for check in staff.report.checks if check.outcome == "passed")
        assert math.isclose(staff.report.points, earned)


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    write_report(tmp_path / "out", example_staff_report("bob"))
    (tmp_path / "out" / "index.html").mkdir()
    ended = run("report", "out", cwd=tmp_path)
    assert (ended.status, ended.out) == (1, "")
    assert (
        ended.err
        == "autograder: out: it cannot be written: Is a directory. Remove what lies there, then run it again.\n"
    )
    assert not list(tmp_path.rglob("*.tmp"))


# ---------------------------------------------------------------------------------------------- the real process


def test_who_stops_reading_ends_nothing_with_a_traceback(tmp_path: Path) -> None:
    write_report(tmp_path / "out", example_staff_report("bob"))
    with subprocess.Popen(
        command("report", "out"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_terminal_that_cannot_write_a_name_shows_another_character(tmp_path: Path) -> None:
    write_report(tmp_path / "\u674e\u96f7", example_staff_report("bob"))
    ended = autograder("report", "\u674e\u96f7", cwd=tmp_path, PYTHONIOENCODING="latin-1")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("??/index.html\n")


def test_a_notebook_without_tests_to_check_is_one_sentence(tmp_path: Path) -> None:
    make_course(tmp_path)
    path = save(tmp_path / "odd\nname\x1b[31m.ipynb", notebook(STUB, STUB, lambda whole: whole["cells"].clear()))
    process = autograder("check", path, cwd=tmp_path)
    assert_one_sentence(Ended(process.returncode, process.stdout, process.stderr))
    assert "expected a notebook with visible tests, got none." in process.stderr


@pytest.fixture(autouse=True, scope="module")
def _recursion_limit_is_kept() -> Iterator[None]:
    """Nothing here may need a deeper stack than a user's."""
    limit = sys.getrecursionlimit()
    yield
    assert sys.getrecursionlimit() == limit
