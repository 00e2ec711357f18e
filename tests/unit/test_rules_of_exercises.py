"""What an exercise may ask for beside an answer: functions that are not called, more time, shapes without memory."""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autograder.boundary.installation import installation
from autograder.boundary.nursery import ALL_LAYERS, Nursery, SandboxSettings
from autograder.boundary.student import CallLimits, Handle, Student
from autograder.checks import call_limit, forbid
from autograder.checks.language import spec_of
from autograder.course import Course
from autograder.errors import ProtocolViolation, StudentRaised, StudentTimedOut, UsageError
from autograder.grading import grader
from autograder.submissions.submission import Located
from autograder.worker.confinement import Limits
from tests.unit.toy import TOML, ProcesslessWorker, checks_of, grade_here, make_course, notebook, save

LOSSES = """
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import cross_entropy as alias

def by_name(z, t): return F.cross_entropy(z, t)
def by_alias(z, t): return alias(z, t)
def by_module(z, t): return nn.CrossEntropyLoss()(z, t)
def by_method(z, t): return -z.log_softmax(1).gather(1, t[:, None]).mean()
def by_variable(z, t): return getattr(torch, "log_" + "softmax")(z, 1).mean()
def by_operator(z, t): return torch.ops.aten.log_softmax.int(z, 1).mean()
def by_private_name(z, t): return torch._log_softmax(z, 1, False).mean()
def by_c_function(z, t): return torch._C._nn.cross_entropy_loss(z, t)
def caught(z, t):
    try:
        return F.cross_entropy(z, t)
    except BaseException:
        return None
def by_hand(z, t):
    z = z - z.max(dim=1, keepdim=True).values
    return (z.exp().sum(1).log() - z.gather(1, t[:, None])[:, 0]).mean()
"""
FORBIDDEN = (
    "torch.nn.functional.cross_entropy", "torch.nn.functional.log_softmax", "torch.log_softmax",
    "torch.Tensor.log_softmax", "torch.ops.aten.log_softmax.*", "torch.ops.aten._log_softmax",
    "torch.ops.aten.cross_entropy_loss",
)  # fmt: skip

NET = """
import torch
from torch import nn

class Large(nn.Module):
    def __init__(self, width, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, bias=bias)
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, 100_000)
    def forward(self, x):
        return self.fc(self.norm(self.conv(x)).mean((2, 3)))

class Pair(nn.Module):
    def forward(self, x):
        return x, x
"""


@dataclass(frozen=True)
class Cell:
    source: str
    label: str = "the cell"
    exercise: str = ""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery(installation(["torch", "numpy"]), Limits(512, 16, 60), preload=["torch", "numpy"]) as started:
        yield started


@pytest.fixture
def student(nursery: Nursery) -> Iterator[Callable[..., Student]]:
    made: list[Student] = []

    def make(source: str, limits: CallLimits | None = None) -> Student:
        made.append(Student(nursery.spawn, [Cell(textwrap.dedent(source))], limits=limits))
        return made[-1]

    yield make
    for one in made:
        one.close()


# ---------------------------------------------------------------------------------------------- forbidden calls


def test_a_forbidden_call_is_seen_wherever_it_comes_from(student: Callable[..., Student]) -> None:
    one = student(LOSSES)
    logits, target = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    one.begin_check(FORBIDDEN)
    ways = ("by_name", "by_alias", "by_module", "by_method", "by_variable", "by_operator", "by_private_name",
            "by_c_function", "caught")  # fmt: skip
    for name in ways:
        with pytest.raises(StudentRaised, match=r"ForbiddenCall: torch\..* is not allowed in this exercise") as caught:
            one.call(name, logits, target)
        assert "(line " in caught.value.text, name
        assert caught.value.text.partition(")")[0].endswith("of the cell"), name
    assert one.call("by_hand", logits, target) == pytest.approx(0.1698460196)
    with pytest.raises(StudentRaised, match="ForbiddenCall"):
        one.gradients("by_name", logits, target)
    one.begin_check()  # another check allows it
    assert one.call("by_name", logits, target) == pytest.approx(0.1698460196)


def test_the_line_is_the_student_s(student: Callable[..., Student]) -> None:
    one = student("import torch\n\ndef helper(x):\n    return torch.softmax(x, 0)\n\ndef f(x):\n    return helper(x)\n")
    one.begin_check(("torch.softmax",))
    with pytest.raises(StudentRaised, match=r"torch\.softmax \(line 4 of the cell\) is not allowed"):
        one.f(torch.ones(2))


def test_what_is_forbidden_is_a_full_name() -> None:
    def check() -> None: ...

    assert spec_of(forbid("torch.softmax", "torch.nn.*")(check)).forbidden == ("torch.softmax", "torch.nn.*")
    with pytest.raises(ValueError, match=r"expected a full name such as 'torch\.softmax', got 'softmax'"):
        forbid("softmax")


# ---------------------------------------------------------------------------------------------- time


def test_a_check_may_give_more_or_less_time(student: Callable[..., Student]) -> None:
    one = student("import time\n\ndef f(): time.sleep(0.4)\n", CallLimits(call_s=5, cell_s=5, total_s=60))
    one.begin_check(call_s=0.1)
    with pytest.raises(StudentTimedOut, match=r"ran for more than 0\.1 s"):
        one.f()
    one.begin_check()
    assert one.f() is None
    other = one.on("cpu", one._spawn, slowdown=20)
    other.begin_check(call_s=0.1)
    assert other.f() is None
    other.close()


def test_a_limit_is_a_time() -> None:
    def check() -> None: ...

    assert spec_of(call_limit(60)(check)).call_s == 60.0
    for seconds in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="call_limit: expected seconds > 0"):
            call_limit(seconds)


def test_markers_reach_the_student(tmp_path: Path) -> None:
    checks = (
        '"""Checks."""\nimport torch\nfrom autograder.checks import *\n\n\n'
        '@exercise("double")\n@points(1)\n@forbid("torch.mul", "torch.Tensor.mul", "torch.Tensor.__mul__")\n'
        "def check_forbidden(student):\n    expect_number(student.double(torch.tensor(1.5)), 3.0)\n\n\n"
        '@exercise("halve")\n@points(1)\n@call_limit(0.2)\n'
        "def check_quick(student):\n    expect_number(student.halve(4.0), 2.0)\n"
    )
    topic = make_course(tmp_path, checks)
    double = "def double(x):\n    return x * 2\n"
    path = save(tmp_path / "ada.ipynb", notebook(double, "def halve(x):\n    return x / 2\n"))
    other = save(tmp_path / "bob.ipynb", notebook("def double(x):\n    return x + x\n"))
    reports = grade_here(topic, Located("ada", path), Located("bob", other))
    assert "ForbiddenCall" in checks_of(reports["ada"].report)["check_forbidden"].message
    assert checks_of(reports["bob"].report)["check_forbidden"].outcome == "passed"
    assert checks_of(reports["bob"].report)["check_quick"].outcome == "passed"


# ---------------------------------------------------------------------------------------------- shapes and helpers


def test_a_large_net_is_outlined_without_memory(student: Callable[..., Student]) -> None:
    one = student(NET)
    found = one.outline("Large", 50_000, bias=False, input_shape=(2, 3, 8, 8))  # 20 GB of parameters
    assert found.parameters == {
        "conv.weight": (50_000, 3, 3, 3), "norm.weight": (50_000,), "norm.bias": (50_000,),
        "fc.weight": (100_000, 50_000), "fc.bias": (100_000,),
    }  # fmt: skip
    assert list(found.buffers) == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
    assert found.buffers["norm.running_var"] == (50_000,)
    assert found.output == (2, 100_000)
    assert found.num_parameters == 50_000 * 27 + 2 * 50_000 + 100_000 * 50_000 + 100_000
    assert one.outline("Large", 4).output is None
    assert one.outline("Pair", input_shape=(1,)).output is None
    with pytest.raises(StudentRaised, match="is not defined"):
        one.outline("Missing")


@pytest.mark.parametrize("answer", ["'text'", "{'parameters': {'a': [1]}, 'buffers': {}}", "{'parameters': {}}"])
def test_an_outline_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    one = Student(ProcesslessWorker, [Cell("x = 1")])  # type: ignore[arg-type]
    value: Any = eval(answer)
    reply = SimpleNamespace(decode=lambda field: value, tensors=[], infos=[])
    monkeypatch.setattr(one, "_ask", lambda *words, **header: reply)
    with pytest.raises(ProtocolViolation, match="Large: the answer is not well formed"):
        one.outline("Large")


def test_helpers_work_on_objects_that_stay_there(student: Callable[..., Student]) -> None:
    one = student(NET)
    one.define("tools", "def widths(model): return [p.shape[0] for p in model.parameters()]\n")
    model = one.Large(4)
    assert isinstance(model, Handle)
    assert one.helper("tools", "widths", model) == [4, 4, 4, 4, 100_000, 100_000]
    with pytest.raises(StudentRaised, match="is not defined"):
        one.call("widths", model)


def test_what_goes_wrong_in_a_helper_is_said_of_the_exercise(student: Callable[..., Student]) -> None:
    """Its own name and lines mean nothing to a student; the lines of the student's code that it calls do."""
    one = student("def half(x):\n    return x / 0\n")
    one.define(
        "tools", "import __main__\ndef used(): return __main__.half(1)\ndef refused(): raise ValueError('no net')\n"
    )
    one.begin_check(exercise="half")
    with pytest.raises(StudentRaised, match=r"^half: raised ZeroDivisionError: .*\(line 2 of .*\)$"):
        one.helper("tools", "used")
    with pytest.raises(StudentRaised, match=r"^half: raised ValueError: no net$"):
        one.helper("tools", "refused")
    assert [step.name for step in one.steps] == ["half", "half"]
    one.begin_check()
    with pytest.raises(StudentRaised, match=r"^refused: raised ValueError: no net$"):
        one.helper("tools", "refused")


OPTIMIZER = """
import torch

def step():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.sum().backward()
    optimizer.step()
    return weight.detach()
"""


@pytest.mark.parametrize("wanted", [ALL_LAYERS, ()], ids=["with all layers", "without any"])
def test_what_an_optimizer_imports_can_be_preloaded(
    wanted: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes to a temporary folder when it is imported, which in our file tree there is none of."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    packages, sandbox = ["torch", "numpy"], SandboxSettings(wanted=wanted, required=())
    with Nursery(installation(packages), Limits(512, 16, 60), sandbox, ["torch", "torch._dynamo"]) as started:
        one = Student(started.spawn, [Cell(OPTIMIZER)])
        assert one.step().tolist() == [0.5, 0.5, 0.5]
        one.close()
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------- a topic's own limits


def test_a_topic_has_its_own_limits_and_packages(tmp_path: Path) -> None:
    toml = TOML + 'packages = ["scipy"]\n\n[topics.toy.limits]\ntotal_s = 300.0\nmemory_mib = 1024\n'
    topic = make_course(tmp_path, toml=toml)
    file = topic.course.for_topic(topic.table).file
    assert (file.limits.total_s, file.limits.memory_mib, file.limits.call_s) == (300.0, 1024, 1.0)
    assert file.worker.packages == ("torch", "numpy", "scipy")
    job = grader._job_of({"course": str(tmp_path / "course.toml"), "topic": "toy", "out": str(tmp_path)})
    assert job.course.file.limits.total_s == 300.0
    assert Course.read(tmp_path / "course.toml").file.limits.total_s == 20.0
    save(tmp_path / "course.toml", toml.replace("total_s = 300.0", "total_s = -1"))
    with pytest.raises(UsageError, match=r"course\.toml: topics\.toy\.limits\.total_s"):
        Course.read(tmp_path / "course.toml")
