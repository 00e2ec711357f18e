"""``student`` against real workers: what a check gets for a call, and what it hears when the student's code fails."""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.boundary import student as boundary
from autograder.boundary.installation import installation
from autograder.boundary.nursery import Nursery
from autograder.boundary.student import CallLimits, Handle, Student
from autograder.boundary.worker import Answer, Reply
from autograder.checks import (
    expect_close,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_tensor,
    expect_tuple,
)
from autograder.checks.expect import CheckRun, current_run, equals_mistake
from autograder.errors import (
    CheckFailed,
    HarnessError,
    ProtocolViolation,
    StudentBlocked,
    StudentCrashed,
    StudentError,
    StudentOutOfMemory,
    StudentRaised,
    StudentTimedOut,
)
from autograder.reports.text import clean_text
from autograder.worker.confinement import Limits
from autograder.worker.wire import DTYPES, Opaque, TensorInfo, WireError
from tests.unit.toy import ProcesslessWorker


@dataclass(frozen=True)
class Cell:
    source: str
    label: str = "the cell"
    exercise: str = ""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery(installation(["torch", "numpy"]), Limits(512, 16, 60), preload=["torch"]) as started:
        yield started


@pytest.fixture
def student(nursery: Nursery) -> Iterator[Callable[..., Student]]:
    made: list[Student] = []

    def make(*cells: str | Cell, limits: CallLimits | None = None, **options: Any) -> Student:
        written = [cell if isinstance(cell, Cell) else Cell(textwrap.dedent(cell)) for cell in cells]
        made.append(Student(nursery.spawn, written, limits=limits, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_call_is_answered_and_remembered(student: Callable[..., Student]) -> None:
    one = student("import torch\nTHRESHOLD = 0.5\ndef scaled(x, by=2): return {'y': (x * by, [x.shape])}")
    x = torch.ones(2)
    result = one.scaled(x, by=3)
    assert torch.equal(result["y"][0], torch.full((2,), 3.0))
    assert result["y"][1] == [(2,)]
    assert one.value("THRESHOLD") == 0.5
    first, second = one.calls
    assert (first.name, first.args[0] is x, first.kwargs, first.result is result) == ("scaled", True, {"by": 3}, True)
    assert (second.name, second.result) == ("THRESHOLD", 0.5)
    one.begin_check()
    assert one.calls == []
    assert one.scaled.__name__ == "scaled"
    assert one.student_seconds > 0
    with pytest.raises(AttributeError):
        one._private  # noqa: B018


def test_nothing_runs_before_it_is_asked(student: Callable[..., Student]) -> None:
    one = student("x = 1")
    assert one.workers_used == 0
    one.load()
    one.load()
    assert one.workers_used == 1
    one.close()
    one.close()


def test_where_a_tensor_lived_is_known(student: Callable[..., Student]) -> None:
    one = student("import torch\ndef f(): return torch.ones(2, 3).T")
    tensor = one.f()
    assert one.origin_of(tensor) == TensorInfo("float32", [3, 2], "cpu", [1, 3], False)
    assert one.origin_of(torch.ones(1)) is None


def test_output_is_kept_to_its_end(student: Callable[..., Student]) -> None:
    one = student("print('loading')\ndef f(n):\n    print('x' * n)")
    one.f(3)
    assert one.stdout_tail == "loading\nxxx\n"
    one.f(9_000)
    assert len(one.stdout_tail) == 8_000


# ------------------------------------------------------------------------------------------------ cells that fail

CELLS = (
    Cell("def one(): return 1", "cell one", "one"),
    Cell("{bad}", "cell two", "two"),
    Cell("def three(): return 3", "cell three", "three"),
)


@pytest.mark.parametrize(
    ("bad", "reason", "kind", "is_fatal"),
    [
        ("1 / 0\ndef two(): pass", "raised ZeroDivisionError: division by zero", StudentRaised, False),
        ("def two(:", "raised SyntaxError: invalid syntax", StudentRaised, False),
        ("raise NotImplementedError", "not implemented yet", StudentRaised, False),
        ("import os; os._exit(0)", "ended itself with exit code 0", StudentCrashed, True),
        ("while True: pass", "ran for more than 0.3 s", StudentTimedOut, True),
        ("import socket; socket.socket()", "not allowed while grading", StudentBlocked, False),
        ("x = bytearray(10**12)", "more memory than allowed", StudentOutOfMemory, False),
    ],
)
def test_a_cell_that_fails_explains_the_names_it_should_have_defined(
    student: Callable[..., Student], bad: str, reason: str, kind: type[StudentError], is_fatal: bool
) -> None:
    cells = [Cell(cell.source.format(bad=bad), cell.label, cell.exercise) for cell in CELLS]
    one = student(*cells, limits=CallLimits(5, 0.3, 60))
    assert (one.one(), one.three()) == (1, 3)
    with pytest.raises(kind, match="two is not defined, because cell two did not run") as caught:
        one.two()
    assert reason in str(caught.value)
    (failure,) = one.failures.values()
    assert (failure.label, failure.exercise, failure.is_fatal) == ("cell two", "two", is_fatal)
    assert reason in failure.reason
    assert not failure.reason.startswith("cell two")
    assert failure.is_unfinished == (bad == "raise NotImplementedError")
    assert one.workers_used == (2 if is_fatal else 1)


def test_two_cells_that_end_the_process_cost_two_workers(student: Callable[..., Student]) -> None:
    one = student("import os; os._exit(1)", "def f(): return 1", "import os; os._exit(2)")
    assert one.f() == 1
    assert one.workers_used == 3
    assert sorted(one.failures) == [0, 2]


def test_a_name_that_nobody_defines_is_said_plainly(student: Callable[..., Student]) -> None:
    one = student("def f(): return g()")
    with pytest.raises(StudentRaised, match=r"^nothing is not defined"):
        one.nothing()
    with pytest.raises(StudentRaised, match=r"f: raised NameError: name 'g' is not defined \(line 1 of the cell\)"):
        one.f()


def test_failures_are_found_once_though_the_cells_run_again(student: Callable[..., Student]) -> None:
    one = student("1 / 0", "import os\ndef end(): os._exit(0)\ndef f(): return 1")
    with pytest.raises(StudentCrashed):
        one.end()
    assert one.f() == 1
    assert len(one.failures) == 1


def test_magics_are_noted_once(student: Callable[..., Student]) -> None:
    one = student("%matplotlib inline\nimport os\ndef end(): os._exit(0)\ndef f(): return 1")
    assert one.f() == 1
    with pytest.raises(StudentCrashed):
        one.end()
    assert one.f() == 1
    assert one.ignored == [("the cell", "%matplotlib inline")]


def test_the_first_line_of_a_cell_that_is_too_long_does_not_matter(student: Callable[..., Student]) -> None:
    one = student("%" + "x" * 10_000 + "\n" + "!ls\n" * 50 + "def f(): return 1")
    assert one.f() == 1
    assert len(one.ignored) == 20
    assert len(one.ignored[0][1]) == 200


# ------------------------------------------------------------------------------------------------ files and name


def test_files_lie_beside_the_submission(student: Callable[..., Student]) -> None:
    source = "import given\ndef f(): return given.x, open('data/b.bin', 'rb').read().hex(), __name__"
    one = student(source, files={"given.py": b"x = 5", "data/b.bin": bytes(range(256)), "none": b""}, module_name="iou")
    assert one.f() == (5, bytes(range(256)).hex(), "iou")


def test_files_that_cannot_be_written_are_our_fault(student: Callable[..., Student]) -> None:
    with pytest.raises(HarnessError, match="the files beside the submission cannot be written"):
        student("x = 1", files={"big": bytes(17 << 20)}).load()


def test_a_worker_that_does_not_start_is_our_fault() -> None:
    class Dead:
        is_alive = True

        def ask(self, *args: object, **kwargs: object) -> None:
            raise StudentTimedOut("start: ran for more than 10 s")

    with pytest.raises(HarnessError, match="the worker did not start"):
        Student(Dead, []).load()  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ clocks


def test_what_ran_out_of_time_twice_is_not_called_again(student: Callable[..., Student]) -> None:
    one = student("import time\ndef slow(): time.sleep(9)\ndef fast(): return 1", limits=CallLimits(0.15, 5, 60))
    for _ in range(2):
        with pytest.raises(StudentTimedOut, match=r"slow: ran for more than 0\.15 s"):
            one.slow()
    workers = one.workers_used
    with pytest.raises(StudentTimedOut, match="slow: ran out of time 2 times before; it was not called again"):
        one.slow()
    assert one.workers_used == workers
    assert one.fast() == 1


def test_the_submission_has_a_limit_in_all(student: Callable[..., Student]) -> None:
    one = student("import time\ndef f(): time.sleep(0.1)", limits=CallLimits(5, 5, 0.25))
    for _ in range(5):
        with contextlib.suppress(StudentTimedOut):
            one.f()
    with pytest.raises(StudentTimedOut, match=r"the submission used up its 0\.25 s in all"):
        one.f()


def test_cells_that_use_up_the_whole_time_are_named(student: Callable[..., Student]) -> None:
    one = student(*["import time; time.sleep(0.2)"] * 9, limits=CallLimits(5, 5, 0.3))
    with pytest.raises(StudentTimedOut, match="used up its"):
        one.anything()
    assert all(isinstance(failure.error, StudentTimedOut) for failure in one.failures.values())


# ------------------------------------------------------------------------------------------------ objects that stay

NET = """
import os, torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1, bias=False)
    def forward(self, x): return self.layer(x)
    def end(self): os._exit(0)

def children(net): return [net.layer, (net, {"again": net})]
def weight_of(net): return net.layer.weight
def later(): raise NotImplementedError
def end(): os._exit(0)
"""


def test_a_class_gives_a_handle(student: Callable[..., Student]) -> None:
    one = student(NET)
    net = one.Net()
    assert isinstance(net, Handle)
    assert net.type_name == "Net"
    net.call("load_state_dict", {"layer.weight": torch.tensor([[2.0, 3.0]])})
    assert net(torch.eye(2)).tolist() == [[2.0], [3.0]]
    assert one.weight_of(net).tolist() == [[2.0, 3.0]]
    assert net.value("training") is True
    assert isinstance(net.call("eval"), Handle)
    assert net.value("training") is False
    layer, (again, table) = one.children(net)
    assert (layer.type_name, again.type_name, table["again"].type_name) == ("Linear", "Net", "Net")
    assert one.call("weight_of", net).shape == (1, 2)
    found = net.gradients(torch.ones(1, 2), weight=torch.tensor([[10.0]]))
    assert found.result.tolist() == [[5.0]]
    assert found.inputs[0] is not None
    assert found.inputs[0].tolist() == [[20.0, 30.0]]
    gradient = found.parameters["layer.weight"]
    assert gradient is not None
    assert gradient.tolist() == [[10.0, 10.0]]
    assert [call.name for call in one.calls][:3] == ["Net", "Net.load_state_dict", "Net"]


def test_a_handle_is_lost_with_its_process(student: Callable[..., Student]) -> None:
    one = student(NET)
    net = one.Net()
    with pytest.raises(StudentCrashed, match=r"Net\.end: its process ended itself"):
        net.call("end")
    for use in (net, lambda: net.value("training"), lambda: net.gradients(torch.ones(1, 2))):
        with pytest.raises(StudentCrashed, match="Net: its process has ended, and the object with it"):
            use()
    one.Net()
    for arguments in ((net,), ([net],), ((net,),), ({"net": net},)):
        with pytest.raises(StudentCrashed, match="Net: its process has ended, and the object with it"):
            one.weight_of(*arguments)
    assert one.Net()(torch.ones(1, 2)).shape == (1, 1)


def test_gradients_of_a_function(student: Callable[..., Student]) -> None:
    one = student("def loss(x, k): return (x * x).sum() * k\ndef cut(x): return x.detach()\ndef none(x): return 1.0")
    found = one.gradients("loss", torch.tensor([1.0, 2.0]), 3)
    assert found.inputs[0] is not None
    assert found.inputs[0].tolist() == [6.0, 12.0]
    assert found.parameters == {}
    for name in ("cut", "none"):
        with pytest.raises(StudentRaised):
            one.gradients(name, torch.ones(1))


def test_modules_and_cells_can_be_added(student: Callable[..., Student]) -> None:
    one = student("x = 1")
    one.define("given", "import torch\ndef backbone(): return torch.nn.Linear(1, 1)")
    one.run("more", "import given\ndef f(): return given.backbone(), x")
    assert one.f()[1] == 1
    with pytest.raises(StudentRaised, match="more: raised ZeroDivisionError"):
        one.run("more", "1 / 0")


def test_a_call_can_be_observed(student: Callable[..., Student]) -> None:
    one = student("import torch\ndef f(x, by=1):\n    torch.manual_seed(1)\n    return x.mul_(by)")
    seen = one.observe("f", torch.ones(2), by=2)
    assert seen.args[0].tolist() == [2.0, 2.0]
    assert seen.kwargs == {"by": 2}
    assert {n for n in seen.state_before if seen.state_before[n] != seen.state_after[n]} == {"random generator"}
    assert set(one.state()) == set(seen.state_before)


# ------------------------------------------------------------------------------------------------ a worker that lies


class Liar:
    """A worker that answers whatever it is told to."""

    is_alive = True

    def __init__(self, **fields: Any) -> None:
        self.fields = fields

    def ask(self, operation: str, what: str, timeout_s: float, **more: Any) -> Answer:
        told = self.fields if operation in ("call", "gradients", "state") else {}
        return Answer(Reply(seq=1, **{"status": "ok", **told}), [], [])

    def kill(self) -> None:
        """There is no process."""


def told(**fields: Any) -> Student:
    worker: Any = Liar(**fields)
    return Student(lambda: worker, [Cell("x = 1")])


@pytest.mark.parametrize("field", ["before", "after"])
@pytest.mark.parametrize("state", [None, "text", {"l": [1]}, {"t": []}, 5])
def test_a_state_that_is_none_is_a_violation(field: str, state: Any) -> None:
    states = {"before": {"d": []}, "after": {"d": []}, field: state}
    with pytest.raises(ProtocolViolation, match="f: the answer is not well formed"):
        told(value=1, args={"t": []}, kwargs={"d": []}, **states).observe("f")


def test_arguments_that_are_none_differ_from_all() -> None:
    seen = told(value=1, args=5, kwargs="x", before={"d": []}, after={"d": [[1, 2]]}).observe("f", 1)
    assert (seen.args, seen.kwargs, seen.state_after) == ((), {}, {"1": "2"})


@pytest.mark.parametrize(
    ("gradients", "parameters"), [(None, {"d": []}), ({"l": []}, {"d": []}), ({"t": []}, {"l": []})]
)
def test_gradients_that_are_none_are_a_violation(gradients: Any, parameters: Any) -> None:
    with pytest.raises(ProtocolViolation, match="f: the answer is not well formed"):
        told(value=1, gradients=gradients, parameters=parameters).gradients("f", 1)


def test_a_state_of_another_kind_is_empty() -> None:
    assert told(value={"l": []}).state() == {}


def test_a_handle_that_was_never_given_is_only_a_handle() -> None:
    handle = told(value={"h": [10**6, "Net"]}).f()
    assert isinstance(handle, Handle)
    assert handle.reference.number == 10**6


def error(*names: str, text: str = "") -> dict[str, Any]:
    return {"status": "error", "error": {"names": list(names), "text": text, "where": "line 1 of a", "traceback": []}}


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (error("ValueError", "Exception", text="no"), StudentRaised, r"f: raised ValueError: no \(line 1 of a\)"),
        (error("NotImplementedError", "RuntimeError"), StudentRaised, r"f: not implemented yet \(line 1 of a\)"),
        (error("MemoryError"), StudentOutOfMemory, r"f: asked for more memory than allowed \(line 1 of a\)"),
        (error("OutOfMemoryError", "RuntimeError"), StudentOutOfMemory, "f: asked for more memory"),
        (
            error("RuntimeError", text="DefaultCPUAllocator: can't allocate memory"),
            StudentOutOfMemory,
            "f: asked for more",
        ),
        (
            error("PermissionError", "OSError", text="[Errno 1]"),
            StudentBlocked,
            r"f: tried something .*: \[Errno 1\] \(line 1",
        ),
        (
            error("WireError", text="too large"),
            StudentError,
            "f: returned something that cannot be compared: too large",
        ),
    ],
)
def test_an_error_is_told_by_its_kind(answer: dict[str, Any], kind: type[StudentError], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}") as caught:
        told(**answer).f()
    assert type(caught.value) is kind


scalars = (
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=4)
)
forms: st.SearchStrategy[Any] = st.recursive(
    scalars
    | st.sampled_from([
        {"x": 0}, {"x": 1}, {"f": "nan"}, {"f": "-inf"}, {"y": "bool"}, {"v": "cpu"}, {"v": "xla"}, {"o": "a.B"},
        {"h": [3, "Net"]}, "\ud800", "grad mode",
    ]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: {"l": items}),
        st.lists(inner, max_size=3).map(lambda items: {"t": items}),
        st.lists(st.tuples(scalars, inner).map(list), max_size=3).map(lambda pairs: {"d": pairs}),
    ),
    max_leaves=6,
)  # fmt: skip
spoken = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("value", "args", "kwargs", "before", "after", "gradients", "parameters"), forms),
)
EXPECTATIONS: tuple[Callable[[Any], Any], ...] = (
    lambda value: expect_tensor(value, shape=(2,), device="cpu"),
    lambda value: expect_close(value, torch.ones(2, dtype=torch.float64)),
    lambda value: expect_close(value, torch.ones(2, dtype=torch.float64), dtype=torch.float32),
    lambda value: expect_number(value, 0.5),
    lambda value: expect_equal(value, {"a": [1, (True, None)], 2: torch.ones(2).int()}),
    lambda value: expect_equal(value, [1, 2.0, "a"]),
    lambda value: expect_equal(value, torch.tensor([1, 2])),
    lambda value: expect_equal(value, None),
    lambda value: expect_item(value, (0, 0.75)),
    lambda value: expect_tuple(value, 2),
    lambda value: equals_mistake(value, {1: torch.ones(2), "a": [0.5]}),
    lambda value: equals_mistake(value, [1, torch.ones(2), None, "a"]),
    lambda value: equals_mistake(value, torch.ones(2)),
    lambda value: equals_mistake(value, 0.5),
)


@given(told=spoken, extra=st.lists(st.sampled_from(["int64", "float16", "bool", "complex64"]), max_size=2))
@settings(max_examples=200, deadline=None)
def test_nothing_that_a_worker_says_is_more_than_a_wrong_answer(told: dict[str, Any], extra: list[str]) -> None:
    tensors = [torch.ones(2), torch.tensor(float("nan"), dtype=torch.float64)]
    tensors += [torch.ones(2).to(DTYPES[name]) for name in extra]

    class Speaker(Liar):
        def ask(self, operation: str, what: str, timeout_s: float, **more: Any) -> Answer:
            if operation in ("start", "exec"):
                return super().ask(operation, what, timeout_s)
            described = [TensorInfo("float32", list(tensor.shape), "cuda:\ud800") for tensor in tensors]
            try:
                return Answer(Reply(seq=1, status="ok", **told), tensors, described)
            except WireError as error:  # as the worker's trusted end says it
                raise ProtocolViolation(f"{what}: the answer is not well formed") from error

    worker: Any = Speaker()
    one = Student(lambda: worker, [])
    run = CheckRun(one)
    token = current_run.set(run)
    asked: list[Callable[[], Any]] = [
        lambda: one.call("f", 1),
        lambda: one.value("x"),
        lambda: one.state(),
        lambda: one.gradients("f", torch.ones(1)),
        lambda: one.observe("f", torch.ones(1), a=1),
        lambda: expect_no_side_effects(one, "f", torch.ones(1), a=[1]),
    ]
    try:
        for ask in asked:
            try:
                answer = ask()
            except (StudentError, CheckFailed) as failure:
                clean_text(str(failure), 200).encode()
                continue
            repr(answer)
        for expect in EXPECTATIONS:
            for call in one.calls[-2:]:
                try:
                    expect(call.result)
                except CheckFailed as failure:
                    clean_text(str(failure) + failure.staff, 2_000).encode()
    finally:
        current_run.reset(token)


def test_objects_that_cannot_cross_are_opaque() -> None:
    assert told(value={"o": "numpy.ndarray"}).f() == Opaque("numpy.ndarray")


def test_the_worker_is_another_process(student: Callable[..., Student]) -> None:
    one = student("import os\ndef pid(): return os.getpid()")
    assert one.pid() != os.getpid()
    assert SimpleNamespace(student=one).student.pid() == one.pid()


def test_the_answers_to_one_check_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell("import torch\ndef f(n): return torch.zeros(n, dtype=torch.uint8)")
    one = Student(ProcesslessWorker, [cell])  # type: ignore[arg-type]
    monkeypatch.setattr(boundary, "MAX_KEPT_BYTES", 3 << 20)
    for _ in range(2):
        one.begin_check()
        for _ in range(3):
            one.f(1 << 20)
        with pytest.raises(StudentOutOfMemory, match=r"^f: returned more than 3 MiB in one check$"):
            one.f(1)
