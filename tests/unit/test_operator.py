"""The operator hands out submissions, survives the death of grader processes, and leaves none behind."""

from __future__ import annotations

import errno
import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Topic
from autograder.errors import HarnessError, SandboxUnavailable, UsageError
from autograder.grading import operator
from autograder.grading.operator import Graded, Outcome
from autograder.submissions.submission import Located
from tests.unit.toy import make_course, notebook, save

RealGrader = operator._Grader
Script = Callable[[Located], "dict[str, Any] | None"]


def done(located: Located) -> dict[str, Any]:
    """Answer as a grader process does when a report is written."""
    numbers = {"points": 1.0, "max_points": 2.0, "grade": 50.0, "duration_s": 0.1, "student_s": 0.1}
    return {"done": located.student, "faults": [], "notes": [], "has_not_graded": False, **numbers}


class FakeProcess:
    """A process that only has an exit status."""

    def __init__(self) -> None:
        self.returncode = 0
        self.was_terminated = False

    def terminate(self) -> None:
        self.was_terminated = True


class FakeGrader(RealGrader):
    """A grader process whose answers come from a script; ``None`` is its death."""

    script: Script
    starts_with: dict[str, Any] | None
    reports_who_is_set_aside: bool
    told: list[tuple[str, str]]
    all: list[FakeGrader]

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.process: Any = FakeProcess()
        self.connection, self._theirs = socket.socketpair()
        self.busy_with: Located | None = None
        self._buffer = b""
        self.was_stopped = False
        FakeGrader.all.append(self)
        self._say(FakeGrader.starts_with)

    def _say(self, message: dict[str, Any] | None) -> None:
        if message is None:
            self.process.returncode = -9
            self._theirs.close()
        else:
            self._theirs.sendall(json.dumps(message).encode() + b"\n")

    def hand(self, located: Located, set_aside: str = "") -> None:
        self.busy_with = located
        if set_aside:
            FakeGrader.told.append((located.student, set_aside))
            self._say(done(located) if FakeGrader.reports_who_is_set_aside else None)
        else:
            self._say(FakeGrader.script(located))

    def stop(self) -> None:
        self.connection.close()
        self._theirs.close()
        self.was_stopped = True


@pytest.fixture
def topic(tmp_path: Path) -> Topic:
    return make_course(tmp_path)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeGrader]]:
    FakeGrader.all = []
    FakeGrader.script = staticmethod(done)
    FakeGrader.starts_with = {"ready": ["seccomp"]}
    FakeGrader.reports_who_is_set_aside = True
    FakeGrader.told = []
    monkeypatch.setattr(operator, "_Grader", FakeGrader)
    yield FakeGrader
    assert all(grader.was_stopped for grader in FakeGrader.all), "a grader process was left behind"


def submissions(tmp_path: Path, *students: str) -> list[Located]:
    return [Located(student, save(tmp_path / f"{student}.ipynb", notebook())) for student in students]


def run(topic: Topic, *students: str, **options: Any) -> Outcome:
    root = topic.course.root
    return operator.grade(topic, submissions(root, *students), root / "out", **options)


def test_nothing_to_grade_starts_nothing(topic: Topic, fakes: type[FakeGrader]) -> None:
    outcome = run(topic)
    assert fakes.all == []
    assert outcome.graded == []
    assert outcome.is_complete


def test_outcomes_are_sorted_and_said_as_they_come(topic: Topic) -> None:
    said: list[str] = []
    outcome = run(topic, "eve", "ada", progress=lambda graded: said.append(graded.student))
    assert said == ["eve", "ada"]
    assert [graded.student for graded in outcome.graded] == ["ada", "eve"]
    assert outcome.graded[0] == Graded("ada", 1.0, 2.0, 50.0, (), (), 0.1, 0.1)
    assert outcome.layers == ("seccomp",)


@pytest.mark.parametrize(("jobs", "started"), [(0, 1), (1, 1), (2, 2), (100, 3)])
def test_no_more_processes_than_submissions(topic: Topic, fakes: type[FakeGrader], jobs: int, started: int) -> None:
    outcome = run(topic, "ada", "bob", "eve", jobs=jobs)
    assert len(fakes.all) == started
    assert len(outcome.graded) == 3
    assert fakes.all[0].settings["topic"] == "toy"


@pytest.mark.parametrize("has_report", [True, False])
def test_a_submission_is_tried_twice_and_the_rest_is_graded(
    topic: Topic, fakes: type[FakeGrader], has_report: bool
) -> None:
    fakes.reports_who_is_set_aside = has_report
    fakes.script = staticmethod(lambda located: None if located.student == "poison" else done(located))
    outcome = run(topic, "ada", "poison", "zoe")
    assert [graded.student for graded in outcome.graded] == ["ada", "zoe"]
    assert outcome.set_aside == {"poison": "its grader process ended 2 times (status -9)"}
    assert fakes.told == list(outcome.set_aside.items()), "its report is asked for once"
    assert not outcome.is_complete
    assert len(fakes.all) == 3


def test_a_grader_process_that_dies_once_costs_nothing(topic: Topic, fakes: type[FakeGrader]) -> None:
    deaths = iter([None])
    fakes.script = staticmethod(lambda located: next(deaths, done(located)))
    outcome = run(topic, "ada", "bob")
    assert [graded.student for graded in outcome.graded] == ["ada", "bob"]
    assert outcome.is_complete


@pytest.mark.parametrize("starts_with", [None, {"failed": "NurseryGone", "message": "the nursery is gone"}])
def test_a_grader_process_that_cannot_start_ends_the_run(
    topic: Topic, fakes: type[FakeGrader], starts_with: dict[str, Any] | None
) -> None:
    fakes.starts_with = starts_with
    with pytest.raises(HarnessError, match=r"the grader process ended with status -?\d before it graded anything"):
        run(topic, "ada")
    assert len(fakes.all) == 2


def test_a_grader_process_that_dies_at_its_start_is_started_again(
    topic: Topic, fakes: type[FakeGrader], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = iter([None])
    monkeypatch.setattr(fakes, "_say", lambda self, message, say=fakes._say: say(self, next(first, message)))
    assert run(topic, "ada", "bob").is_complete
    assert len(fakes.all) == 2


def test_a_process_that_cannot_be_made_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(HarnessError, match=r"^a grader process cannot be started: Resource temporarily unavailable$"):
        RealGrader({})


@pytest.mark.parametrize(("is_of_the_disk", "rest"), [(True, []), (False, ["eve"])])
def test_who_cannot_be_written_is_set_aside(
    topic: Topic, fakes: type[FakeGrader], is_of_the_disk: bool, rest: list[str]
) -> None:
    def fails(located: Located) -> dict[str, Any]:
        failure = {"not_written": "bob", "why": "the disk is full", "is_of_the_disk": is_of_the_disk}
        return failure if located.student == "bob" else done(located)

    fakes.script = staticmethod(fails)
    outcome = run(topic, "ada", "bob", "eve")
    assert [graded.student for graded in outcome.graded] == ["ada", *rest]
    assert outcome.set_aside == dict.fromkeys({"bob", "eve"} - set(rest), "the disk is full")
    assert not outcome.is_complete
    assert fakes.told == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SandboxUnavailable", SandboxUnavailable),
        ("UsageError", UsageError),
        ("HarnessError", HarnessError),
        ("StudentError", HarnessError),
    ],
)
def test_what_a_grader_process_cannot_do_ends_the_run(
    topic: Topic, fakes: type[FakeGrader], name: str, kind: type[Exception]
) -> None:
    fakes.starts_with = {"failed": name, "message": "in a sentence"}
    with pytest.raises(kind, match=r"^in a sentence$") as caught:
        run(topic, "ada", "bob", jobs=2)
    assert type(caught.value) is kind
    assert any(grader.process.was_terminated for grader in fakes.all)


def test_ctrl_c_ends_every_grader_process(topic: Topic, fakes: type[FakeGrader]) -> None:
    def interrupt(graded: Graded) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(topic, "ada", "bob", "eve", jobs=3, progress=interrupt)
    assert [grader.process.was_terminated for grader in fakes.all] == [True, True, True]


@pytest.mark.parametrize(
    ("graded", "set_aside", "is_complete"),
    [
        (Graded("ada", 1.0, 2.0, 50.0), {}, True),
        (Graded("ada", 1.0, 2.0, None), {}, False),
        (Graded("ada", 1.0, 2.0, 50.0, ("check_a: the misconception f raised KeyError: 1",)), {}, False),
        (Graded("ada", 1.0, 2.0, 50.0), {"bob": "why"}, False),
    ],
)
def test_complete_is_judged_without_a_fault(graded: Graded, set_aside: dict[str, str], is_complete: bool) -> None:
    assert Outcome([graded], set_aside).is_complete is is_complete


def test_visible_tests_are_one_submission(topic: Topic, fakes: type[FakeGrader], tmp_path: Path) -> None:
    path = save(tmp_path / "ada.ipynb", notebook())
    assert operator.check_visible(path, tmp_path / "course.toml", tmp_path / "out").student == "ada"
    assert fakes.all[0].settings["visible"] == str(path)
    fakes.script = staticmethod(lambda located: None)
    with pytest.raises(HarnessError, match=r"^ada\.ipynb: it could not be checked: its grader process ended 2 times"):
        operator.check_visible(path, tmp_path / "course.toml", tmp_path / "out")


# ---------------------------------------------------------------------------------------------- one process


def stand_in(code: str) -> Any:
    """Return a grader whose process runs ``code`` with the descriptor of its socket in ``sys.argv[1]``."""
    ours, theirs = socket.socketpair()
    grader: Any = RealGrader.__new__(RealGrader)
    with theirs:
        grader.process = subprocess.Popen(
            [sys.executable, "-c", code, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
    grader.connection, grader.busy_with, grader._buffer = ours, None, b""
    return grader


def test_messages_are_whole_lines_however_they_come() -> None:
    grader = stand_in(
        "import os, sys, time\nfd = int(sys.argv[1])\n"
        "for part in (b'{\"a\": 1}\\n{\"b\"', b': 2}\\n'): os.write(fd, part); time.sleep(0.2)\n"
    )
    found: list[Any] = []
    while (messages := grader.messages()) is not None:
        found += messages
    grader.stop()
    assert found == [{"a": 1}, {"b": 2}]


def test_a_lost_connection_is_the_end_of_the_process() -> None:
    for code in ("", "import time\ntime.sleep(0.3)"):  # gone before it is asked, gone before it has read
        grader = stand_in(code)
        if not code:
            grader.process.wait()
        grader.send({"too": "late"})
        assert grader.messages() is None
        grader.stop()


def test_a_process_that_does_not_end_is_terminated_then_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator, "STOP_TIMEOUT_S", 0.3)
    for ignored, status in (("signal.SIGUSR1", -signal.SIGTERM), ("signal.SIGTERM", -signal.SIGKILL)):
        code = f"import os, signal, sys, time\nsignal.signal({ignored}, signal.SIG_IGN)\n"
        grader = stand_in(code + "os.write(int(sys.argv[1]), b'{}\\n')\ntime.sleep(60)")
        assert grader.messages() == [{}]
        started = time.monotonic()
        grader.stop()
        assert grader.process.returncode == status
        assert time.monotonic() - started < 5


def test_a_stream_without_a_descriptor_is_known() -> None:
    assert operator._has_fileno(sys.__stderr__)
    assert not operator._has_fileno(io.StringIO())
    assert not operator._has_fileno(None)


def test_settings_of_pytest_do_not_reach_a_grader_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    environment = operator._environment()
    assert environment["SOMETHING_ELSE"] == "kept"
    assert not [name for name in environment if name.startswith(("PYTEST", "PYTHONSTARTUP"))]
    assert environment["OMP_NUM_THREADS"] == "1"
