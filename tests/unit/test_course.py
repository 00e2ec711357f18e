"""``course.toml`` is checked entry by entry, and a topic's hash covers everything that decides its points."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder import course as courses
from autograder.course import Course, version_of
from autograder.errors import UsageError
from tests.unit.toy import TOPIC, make_course, save


def test_a_course_is_found_from_any_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = make_course(tmp_path)
    below = tmp_path / "submitted" / "ada"
    below.mkdir(parents=True)
    assert Course.find(below).root == tmp_path.resolve()
    monkeypatch.chdir(below)
    assert Course.find().root == tmp_path.resolve()
    assert topic.table.title == "Doubling and halving"
    assert topic.solution == tmp_path / "solutions" / TOPIC / "toy.ipynb"


def test_no_course_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    with pytest.raises(UsageError, match=r"expected one in .* or above it, got none. Run from the course's folder"):
        Course.find(tmp_path)
    assert Course.file_near(tmp_path) is None


def test_an_empty_file_is_a_course_of_defaults(tmp_path: Path) -> None:
    course = Course.read(save(tmp_path / "course.toml", ""))
    assert course.file.feedback.show == "hints"
    assert course.file.limits.call_s == 5.0
    assert course.file.sandbox.required == ("capabilities", "rlimits", "landlock", "seccomp")
    assert course.file.topics == {}


WRONG = {
    "an unknown table": ("[notes]\n", "notes: Extra inputs are not permitted"),
    "an unknown entry": ("[limits]\ncall = 5\n", r"limits\.call: Extra inputs are not permitted, got 5"),
    "a negative limit": ("[limits]\ncall_s = -1\n", r"limits\.call_s: Input should be greater than 0, got -1"),
    "an endless limit": ("[limits]\ntotal_s = inf\n", r"limits\.total_s: Input should be a finite number, got inf"),
    "no memory": ("[limits]\nmemory_mib = 1\n", r"limits\.memory_mib: .* greater than or equal to 64, got 1"),
    "a policy": ("[feedback]\nshow = 'all'\n", r"feedback\.show: Input should be 'nothing' or 'hints', got 'all'"),
    "a layer": (
        "[sandbox]\nrequired = ['chroot']\n",
        r"sandbox\.required\.0: Input should be .*, got 'chroot'",
    ),
    "a topic's name": ("[topics.'../x']\npoints = 1\n", r"topics\.\.\./x.*: String should match pattern"),
    "a topic without points": ("[topics.toy]\ntitle = 'x'\n", r"topics\.toy\.points: Field required"),
    "points below zero": ("[topics.toy]\npoints = -1\n", r"topics\.toy\.points: .*greater than or equal to 0, got -1"),
    "points that are no number": ("[topics.toy]\npoints = nan\n", r"topics\.toy\.points: .*got nan"),
    "a deadline": ("[topics.toy]\npoints = 1\ndeadline = 'soon'\n", r"topics\.toy\.deadline: .*got 'soon'"),
    "a penalty": ("[topics.toy]\npoints = 1\nlate_penalty_per_day = -1\n", r"topics\.toy\.late_penalty_per_day: "),
    "a seed": ("[course]\nseed = 'x'\n", r"course\.seed: .*got 'x'"),
    "no TOML": ("[course\n", "expected a TOML file, got: "),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"^course\.toml: {message}") as caught:
        Course.read(save(tmp_path / "course.toml", text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", None], ids=["not UTF-8", "not there"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "course.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"^course\.toml: expected a TOML file, got: "):
        Course.read(path)


def test_an_unknown_topic_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    topic = make_course(tmp_path)
    with pytest.raises(UsageError, match=r"topic: expected one of toy \(course\.toml\), got 'toys'"):
        topic.course.topic("toys")
    with pytest.raises(UsageError, match="topic: expected one of none"):
        Course.read(save(tmp_path / "other" / "course.toml", "")).topic("toy")


@pytest.mark.parametrize("room", ["assignments/toy/toy.ipynb", "tests/hidden/grade_toy.py"])
def test_a_topic_without_a_room_is_refused(tmp_path: Path, room: str) -> None:
    topic = make_course(tmp_path)
    (tmp_path / room).unlink()
    with pytest.raises(UsageError, match=f"topic toy: expected {room}, got no such file"):
        topic.course.topic(TOPIC)


def test_a_deadline_keeps_its_time_zone(tmp_path: Path) -> None:
    deadline = make_course(tmp_path).table.deadline
    assert deadline == datetime.datetime(2024, 11, 21, 11, tzinfo=datetime.UTC)


def _append(name: str) -> Callable[[Path, pytest.MonkeyPatch], object]:
    def change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = root / name
        save(path, (path.read_text(encoding="utf-8") if path.exists() else "") + "\n# changed\n")

    return change


CHANGES: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "course.toml": _append("course.toml"),
    "the release": _append("assignments/toy/toy.ipynb"),
    "the hidden checks": _append("tests/hidden/grade_toy.py"),
    "another module beside the hidden checks": _append("tests/hidden/wrong/toy.py"),
    "the reference": _append("reference/toy.py"),
    "the harness": lambda root, monkeypatch: monkeypatch.setattr(courses, "PACKAGE", root / "reference"),
    "torch": lambda root, monkeypatch: monkeypatch.setattr(courses, "version_of", lambda package: "0.0"),
    "Python": lambda root, monkeypatch: monkeypatch.setattr("platform.python_version", lambda: "4.0.0"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_hash_sees_every_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], object]
) -> None:
    before = make_course(tmp_path)
    assert before.grader_sha256 == Course.read(tmp_path / "course.toml").topic(TOPIC).grader_sha256
    change(tmp_path, monkeypatch)
    assert Course.read(tmp_path / "course.toml").topic(TOPIC).grader_sha256 != before.grader_sha256


@pytest.mark.parametrize("path", ["tests/hidden/__pycache__/grade_toy.cpython-311.pyc", "solutions/toy/toy.ipynb",
                                  "submitted/ada/toy/toy.ipynb", "tests/unit/test_toy.py"])  # fmt: skip
def test_the_hash_does_not_see_what_decides_nothing(tmp_path: Path, path: str) -> None:
    before = make_course(tmp_path)
    save(tmp_path / path, "x")
    assert Course.read(tmp_path / "course.toml").topic(TOPIC).grader_sha256 == before.grader_sha256


def test_versions_of_packages() -> None:
    assert version_of("pytest") == pytest.__version__
    assert version_of("no-such-package-anywhere") == ""
