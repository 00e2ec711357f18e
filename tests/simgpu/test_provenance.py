"""The line that made or moved the tensor on the wrong device is found when the function is called once more."""

from __future__ import annotations

import gc
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from autograder.worker import provenance
from autograder.worker.provenance import Blame, blamed

SIM = "simgpu"
PREAMBLE = "import numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n"


def is_students(filename: str) -> bool:
    return filename.startswith("<cell ")


def run(*cells: str) -> dict[str, Any]:
    """Run cells, numbered from 1, after one that imports."""
    namespace: dict[str, Any] = {}
    for number, source in enumerate([PREAMBLE, *map(textwrap.dedent, cells)]):
        exec(compile(source, f"<cell {number}>", "exec"), namespace)
    return namespace


def square() -> Tensor:
    return torch.arange(9.0).reshape(3, 3).to(SIM)


def assert_nothing_listens() -> None:
    assert not torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    assert sys.getprofile() is None


def blame(*cells: str) -> Blame | None:
    """Call ``f`` of some cells with a matrix on the device; a line break begins each cell, so ``f`` is on line 2."""
    namespace = run(*cells)
    x = square()
    found = blamed(lambda: namespace["f"](x), is_students, namespace)
    assert_nothing_listens()
    return found


CASES: dict[str, tuple[str, tuple[int, str, str] | None]] = {
    "zeros that the result is written to": ("""
        def f(x):
            out = torch.zeros(3, 3)
            for i in range(3):
                for j in range(3):
                    out[i, j] = x[i, j]
            return out
        """, (3, "made", "torch.zeros")),
    "zeros added": ("""
        def f(x):
            start = torch.zeros(3)
            y = x * 2
            return start + y
        """, (3, "made", "torch.zeros")),
    "eye indexed": ("""
        def f(x):
            labels = x[0].long()
            return torch.eye(3)[labels]
        """, (4, "made", "torch.eye")),
    "a constant in arithmetic": ("""
        ANCHORS = torch.tensor([1.0, 2.0, 3.0])
        def f(x):
            count = len(ANCHORS)
            return x * ANCHORS / count
        """, (5, "constant", "ANCHORS")),
    "a view of a constant in arithmetic": ("""
        ANCHORS = torch.tensor([1.0, 2.0, 3.0, 4.0])
        def f(x):
            first = ANCHORS[:3]
            return x * first
        """, (5, "constant", "ANCHORS")),
    "a result made of a constant": ("""
        ANCHORS = [torch.tensor([1.0, 2.0, 3.0])]
        def f(x):
            print(ANCHORS[0].sum())
            scaled = ANCHORS[0] * 2
            return scaled + 1
        """, (5, "constant", "ANCHORS")),
    "a constant returned": ("""
        ANCHORS = {"small": torch.tensor([1.0])}
        def f(x):
            return ANCHORS["small"]
        """, (4, "constant", "ANCHORS")),
    "the memory of a constant": ("""
        ANCHORS = torch.tensor([1.0, 2.0, 3.0])
        def f(x, anchors=ANCHORS.detach()):
            return x + anchors
        """, (4, "constant", "ANCHORS")),
    "cpu": ("""
        def f(x):
            y = x * 2
            y = y.cpu()
            return y.T
        """, (4, "moved", "Tensor.cpu")),
    "to the CPU": ("""
        def f(x):
            return x.to("cpu").float().view(-1)
        """, (3, "moved", "Tensor.to")),
    "to another tensor's device": ("""
        def f(x):
            other = torch.ones(1)
            return x.to(other)
        """, (4, "moved", "Tensor.to")),
    "type": ("""
        def f(x):
            return x.type(torch.FloatTensor)
        """, (3, "moved", "Tensor.type")),
    "as_tensor with a device": ("""
        def f(x):
            return torch.as_tensor(x, device="cpu")
        """, (3, "moved", "torch.as_tensor")),
    "a number beside the moved tensor": ("""
        def f(x):
            return torch.tensor(2.0) * x.cpu()
        """, (3, "moved", "Tensor.cpu")),
    "numpy, loops and tensor": ("""
        def f(x):
            rows = x.cpu().numpy()
            values = [float(v) for row in rows for v in row]
            return torch.tensor(values)
        """, (5, "made", "torch.tensor")),
    "tensor of numbers on the device": ("""
        def f(x):
            return torch.tensor([x[0, 0], x[1, 1]])
        """, (3, "made", "torch.tensor")),
    "from_numpy": ("""
        def f(x):
            doubled = x.cpu().numpy() * 2
            result = torch.from_numpy(doubled)
            return result[0]
        """, (4, "made", "torch.from_numpy")),
    "numpy of a tensor on the device": ("""
        def f(x):
            y = x + 1
            return y.numpy()
        """, (4, "converted", "Tensor.numpy")),
    "numpy's function of a tensor on the device": ("""
        def f(x):
            return np.asarray(x)
        """, (3, "converted", "Tensor.__array__")),
    "a context": ("""
        def f(x):
            with torch.device("cpu"):
                weight = torch.full((3,), 2.0)
            return x * weight
        """, (4, "made", "torch.full")),
    "an index that may be on the CPU": ("""
        def f(x):
            order = torch.arange(3)
            return x[order]
        """, None),
    "an index on the CPU, and the values too": ("""
        def f(x):
            order = torch.arange(2)
            values = torch.ones(2, 2)
            x[order, 1:] = values
        """, (4, "made", "torch.ones")),
    "an index on the CPU, and the values too, by a method": ("""
        def f(x):
            order = torch.arange(2)
            values = torch.ones(2, 3)
            x.index_put_((order,), values)
        """, (4, "made", "torch.ones")),
    "an index on the CPU, and a mask that is wrong": ("""
        def f(x):
            order, weights = torch.arange(2), torch.rand(3)
            y = x[order]
            return y * weights
        """, (3, "made", "torch.rand")),
    "a module's plain tensor": ("""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = torch.ones(3)
            def forward(self, x):
                return x * self.scale
        net = Net()
        def f(x):
            return net(x)
        """, (7, "constant", "net")),
    "a module's parameters": ("""
        net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
        def f(x):
            y = x + 1
            return net(y)
        """, (5, "constant", "net")),
    "a module made on the spot": ("""
        def f(x):
            layer = nn.Linear(3, 3)
            return layer(x)
        """, (3, "made", "Linear")),
    "a parameter made on the spot": ("""
        def f(x):
            weight = nn.Parameter(torch.ones(3))
            bias = weight.data
            return x + bias
        """, (3, "made", "torch.ones")),
    "a number in where": ("""
        def f(x):
            return torch.where(x > 0, x, torch.tensor(0.0))
        """, None),
    "a number where it is refused": ("""
        def f(x):
            number = torch.tensor(0.0)
            return torch.stack([x[0, 0], number])
        """, (3, "made", "torch.tensor")),
    "in place onto the CPU": ("""
        def f(x):
            total = torch.zeros(3, 3)
            total += 1
            total += x
            return total
        """, (3, "made", "torch.zeros")),
    "in place, returned": ("""
        def f(x):
            total = torch.empty(3)
            total = total.zero_().add_(1)
            return total
        """, (3, "made", "torch.empty")),
    "inside a dict": ("""
        def f(x):
            keep = torch.ones(3)
            return {"x": x, "more": [(x, 1), (keep, x)]}
        """, (3, "made", "torch.ones")),
    "a comprehension": ("""
        def f(x):
            return torch.stack([
                row + 1
                for row in (
                    torch.linspace(0, 1, 3)
                    for _ in range(2)
                )
            ])
        """, (6, "made", "torch.linspace")),
    "like another, on the CPU": ("""
        def f(x):
            return torch.zeros_like(x, device="cpu")
        """, (3, "made", "torch.zeros_like")),
    "new, on the CPU": ("""
        def f(x):
            return x.new_zeros(2, device="cpu")
        """, (3, "made", "Tensor.new_zeros")),
    "a function of a library": ("""
        def f(x):
            grid = F.one_hot(torch.tensor([0, 1, 2]))
            return x @ grid.float()
        """, (3, "made", "torch.tensor")),
    "the legacy constructor, used": ("""
        def f(x):
            weight = torch.Tensor([1, 2, 3])
            y = x * 2
            return y * weight
        """, (5, "made", "a tensor")),
    "the legacy constructor, returned": ("""
        def g():
            return torch.Tensor([1, 2, 3])
        def f(x):
            weight = g()
            return weight * 2
        """, (3, "made", "a tensor")),
    "the legacy constructor with a type": ("""
        def f(x):
            return torch.FloatTensor([1, 2])
        """, (3, "made", "a tensor")),
    "a default argument": ("""
        def f(x, weight=torch.ones(3)):
            y = x * 2
            return y * weight
        """, (4, "made", "a tensor")),
    "an error of the student's own": ("""
        def f(x):
            start = torch.zeros(3)
            raise ValueError("no")
        """, None),
    "an error about shapes": ("""
        def f(x):
            return x.view(2, 2)
        """, None),
    "an error about shapes on the CPU": ("""
        def f(x):
            return torch.zeros(3).view(2, 2)
        """, None),
    "an index that is too large": ("""
        def f(x):
            return x[torch.arange(9)]
        """, None),
    "an error that is caught": ("""
        def f(x):
            weight = torch.ones(3)
            try:
                return x * weight
            except RuntimeError:
                return x * weight.to(x.device)
        """, None),
    "an error that is caught, and a result on the CPU": ("""
        def f(x):
            weight = torch.ones(3)
            try:
                return x * weight
            except RuntimeError:
                return x.cpu() * weight
        """, (7, "moved", "Tensor.cpu")),
    "an error that is raised as another": ("""
        def f(x):
            try:
                return x * torch.ones(3)
            except RuntimeError as error:
                raise ValueError("no") from error
        """, (4, "made", "torch.ones")),
    "an error that is raised again after another": ("""
        def f(x):
            try:
                return x * torch.ones(3)
            except RuntimeError:
                try:
                    x.view(2, 2)
                except RuntimeError:
                    pass
                raise
        """, (4, "made", "torch.ones")),
    "an error that is caught before another": ("""
        def f(x):
            try:
                x * torch.ones(3)
            except RuntimeError:
                pass
            raise ValueError("no")
        """, None),
    "an exit": ("""
        def f(x):
            raise SystemExit
        """, None),
    "a number": ("""
        def f(x):
            return float(x.cpu().sum())
        """, None),
    "nothing wrong": ("""
        def f(x):
            return x @ torch.ones(3, 3, device=x.device)
        """, None),
    "a sparse tensor has no memory of its own": ("""
        def f(x):
            return x.cpu().to_sparse()
        """, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_line_is_found(case: str) -> None:
    source, expected = CASES[case]
    assert blame(source) == (Blame("<cell 1>", *expected) if expected else None)


def test_the_innermost_line_of_the_student_wins() -> None:
    helper = """
        def as_array(x):

            return x.numpy()
        """
    function = """
        def f(x):
            return as_array(x).sum()
        """
    assert blame(helper, function) == Blame("<cell 1>", 4, "converted", "Tensor.numpy")


def test_a_tensor_made_in_another_cell_keeps_its_line() -> None:
    helper = """
        def grid(n):
            return torch.arange(n)
        """
    function = """
        def f(x):
            return x * grid(3)
        """
    assert blame(helper, function) == Blame("<cell 1>", 3, "made", "torch.arange")


def test_what_no_line_of_the_student_made_is_unknown() -> None:
    x = square()
    assert blamed(lambda: torch.ones(3), is_students, {}) is None
    assert blamed(lambda: x + torch.ones(3), is_students, {}) is None
    assert blamed(lambda: torch.from_numpy(np.ones(3)), is_students, {}) is None


def test_the_functions_that_a_mode_does_not_see_are_given_back() -> None:
    before = [getattr(torch, name) for name in provenance.UNSEEN]
    source = """
        def f(x):
            before = torch.from_numpy
            return torch.frombuffer(bytearray(8), dtype=torch.float32)
        """
    assert blame(source) == Blame("<cell 1>", 4, "made", "torch.frombuffer")
    assert [getattr(torch, name) for name in provenance.UNSEEN] == before


def test_a_context_that_is_never_left_does_no_harm() -> None:
    source = """
        def f(x):
            torch.device("cpu").__enter__()
            return torch.ones(3)
        """
    assert blame(source) == Blame("<cell 1>", 4, "made", "torch.ones")


def test_an_interrupt_passes() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blamed(interrupt, is_students, {})
    assert_nothing_listens()


class Hostile(dict[str, Any]):
    def values(self) -> Any:
        raise SystemExit


class HostileError(RuntimeError):
    def __getattribute__(self, name: str) -> Any:
        raise ValueError(name)


def raising(error: Callable[[], BaseException]) -> Callable[[], Any]:
    def call() -> Any:
        try:
            return square() + torch.ones(3)
        except RuntimeError:
            raise error() from None

    return call


@pytest.mark.parametrize("call", [lambda: Hostile(a=1), raising(HostileError)])
def test_hostile_objects_are_only_unknown(call: Callable[[], Any]) -> None:
    assert blamed(call, is_students, {}) is None


def test_hostile_globals_hide_only_themselves() -> None:
    class Odd(list[Any]):
        def __iter__(self) -> Any:
            raise ValueError

    namespace = run("ODD = None\nSCALE = torch.ones(3)\ndef f(x): return x * SCALE")
    namespace["ODD"] = Odd([1])
    assert blamed(lambda: namespace["f"](square()), is_students, namespace) == Blame("<cell 1>", 3, "constant", "SCALE")


def test_containers_that_hold_themselves_end() -> None:
    source = """
        def f(x):
            loop = [x]
            loop.extend([loop, loop])
            return loop
        """
    assert blame(source) is None


def test_errors_that_cause_each_other_end() -> None:
    source = """
        def f(x):
            try:
                x + torch.ones(3)
            except RuntimeError:
                pass
            error = ValueError()
            error.__cause__ = error
            raise error
        """
    assert blame(source) is None


def test_memory_is_not_kept_alive_and_what_is_remembered_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "MAX_REMEMBERED", 20)
    source = """
        def f(x):
            out = torch.zeros(3)
            for i in range(100):
                out = out + torch.full((3,), 1.0)
            first = torch.ones(3)
            kept = [torch.rand(3) for _ in range(30)]
            return {1: kept[-1]} if x is None else {1: first}
        """
    assert blame(source) == Blame("<cell 1>", 6, "made", "torch.ones")
    assert blame(source.replace("x is None", "True")) is None
    gc.collect()
    recorder = provenance._Recorder(is_students)
    with recorder.listening():
        run(source)["f"](None)
    assert len(recorder._origins) == 20
    assert all(memory.expired() for memory in recorder._origins)  # type: ignore[no-untyped-call]


def test_gradients_and_training_are_observed() -> None:
    source = """
        def f(x):
            net = nn.Linear(3, 1).to(x.device)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            for _ in range(2):
                loss = F.mse_loss(net(x), torch.ones(3, 1, device=x.device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return net.weight.grad.cpu(), loss
        """
    assert blame(source) == Blame("<cell 1>", 10, "moved", "Tensor.cpu")


def test_a_parameter_of_an_object_that_is_no_global_is_found_where_it_is_used() -> None:
    namespace = run("def f(x): return NET(x)")
    layer = nn.Linear(3, 3)
    namespace["NET"] = lambda x: layer(x)
    found = blamed(lambda: namespace["f"](square()), is_students, namespace)
    assert found == Blame("<cell 1>", 1, "made", "a tensor")
