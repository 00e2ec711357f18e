"""An object that lies about itself arrives as plain data, as a plain tensor, or as the bare name of a type."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from autograder.boundary.student import Handle, Opaque, Student
from autograder.checks.expect import expect_close, expect_equal, expect_number
from autograder.errors import CheckFailed, StudentBlocked, StudentError, StudentOutOfMemory, StudentRaised

LIARS = """
import collections, enum, math, numpy as np, torch

class Equal:
    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = lambda self: 0
    __array__ = lambda self, *a, **k: np.ones(1)
    __array_ufunc__ = __array_function__ = lambda self, *a, **k: True
    __torch_function__ = classmethod(lambda *a, **k: True)

def claims(kind):
    return type("Liar", (), {"__class__": kind, "__len__": lambda self: 1, "__iter__": lambda self: iter([1]),
                             "keys": lambda self: ["a"], "items": lambda self: [("a", 1)], "__getitem__": lambda *a: 1,
                             "__float__": lambda self: 1.0, "__index__": lambda self: 1})()

class Number(float):
    __sub__ = __rsub__ = lambda self, other: 0.0
    __eq__ = lambda self, other: True
    __hash__ = float.__hash__

class Text(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__

class Listing(list):
    __iter__ = lambda self: iter(["stolen"] * 3)
    __len__ = lambda self: 3

class Table(dict):
    items = lambda self: [("stolen", 1)]
    keys = __iter__ = lambda self: iter(["stolen"])

class Matrix(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True

class Label(enum.IntEnum):
    CAT = 1

class Meta(type):
    def __getattribute__(self, name):
        return "numpy" if name == "__module__" else 1 / 0

class Strange(metaclass=Meta):
    pass

Point = collections.namedtuple("Point", "x y")
"""
VALUES: dict[str, tuple[str, object]] = {
    "equal to all": ("Equal()", Opaque("__main__.Equal")),
    "claims to be a tensor": ("claims(torch.Tensor)", Opaque("__main__.Liar")),
    "claims to be a string": ("claims(str)", Opaque("__main__.Liar")),
    "claims to be a number": ("claims(int)", Opaque("__main__.Liar")),
    "subclass of float": ("Number(2)", Opaque("__main__.Number")),
    "subclass of str": ("Text('a')", Opaque("__main__.Text")),
    "subclass of list": ("Listing([1, 2])", [1, 2]),
    "subclass of dict": ("Table(a=2)", {"a": 2}),
    "subclass of tensor": ("torch.ones(2).as_subclass(Matrix)", Opaque("__main__.Matrix")),
    "label": ("Label.CAT", Opaque("__main__.Label")),
    "named tuple": ("Point(1, 2)", (1, 2)),
    "ordered": ("collections.OrderedDict(a=1)", {"a": 1}),
    "counter": ("collections.Counter('aab')", {"a": 2, "b": 1}),
    "size": ("torch.ones(2, 3).shape", (2, 3)),
    "generator": ("(x for x in [1])", Opaque("builtins.generator")),
    "set": ("{1}", Opaque("builtins.set")),
    "bytes": ("b'abc'", Opaque("builtins.bytes")),
    "complex": ("1j", Opaque("builtins.complex")),
    "range": ("range(3)", Opaque("builtins.range")),
    "function": ("Equal.__array__", Opaque("builtins.function")),
    "module": ("math", Opaque("builtins.module")),
    "array": ("np.ones(3)", Opaque("numpy.ndarray")),
    "numpy's number": (
        "[np.float32(0.5), np.int64(3), np.bool_(True), np.float64('nan') > 1, np.array(2)]",
        [0.5, 3, True, False, 2],
    ),
    "big number": ("[2**62, -2**63 + 1, 2**63]", [2**62, -(2**63) + 1, Opaque("int (more than 64 bits)")]),
    "key that is an object": ("{Equal(): 1}", Opaque("dict (with a key of type Equal)")),
    "key that is a tensor": ("{torch.ones(1): 1}", Opaque("dict (with a key of type Tensor)")),
    "key that is big": ("{2**70: 1}", Opaque("dict (with a key of type int)")),
    "keys": (
        "{None: 1, (1, (2.5, 'a')): 2, True: 3, np.int64(7): 4, math.inf: 5}",
        {None: 1, (1, (2.5, "a")): 2, True: 3, 7: 4, math.inf: 5},
    ),
    "dtype": ("[torch.float16, torch.quint8]", [torch.float16, Opaque("torch.dtype")]),
    "device": (
        "[torch.device('cpu'), torch.device('cuda:1'), torch.device('xla')]",
        [torch.device("cpu"), torch.device("cuda:1"), Opaque("torch.device")],
    ),
    "sparse": ("torch.eye(2).to_sparse()", Opaque("Tensor (sparse_coo, float32, cpu)")),
    "meta": ("torch.ones(2, device='meta')", Opaque("Tensor (strided, float32, meta)")),
    "quantised": (
        "torch.quantize_per_tensor(torch.ones(2), 1., 0, torch.quint8)",
        Opaque("Tensor (strided, quint8, cpu)"),
    ),
    "eight bits": ("torch.ones(2).to(torch.float8_e4m3fn)", Opaque("Tensor (strided, float8_e4m3fn, cpu)")),
    "half a character": ("'\\ud800'", "\ud800"),
    "controls": ("'\\x00\\x1b[2J\\u202e'", "\x00\x1b[2J\u202e"),
}
TENSORS: dict[str, tuple[str, Tensor]] = {
    "parameter": ("torch.nn.Parameter(torch.ones(2))", torch.ones(2)),
    "buffer": ("torch.nn.BatchNorm1d(2).running_var", torch.ones(2)),
    "view": ("torch.arange(6.).view(2, 3)[:, 1:]", torch.tensor([[1.0, 2.0], [4.0, 5.0]])),
    "transposed": ("torch.arange(6.).view(2, 3).T", torch.arange(6.0).view(2, 3).T),
    "expanded": ("torch.ones(1).expand(10**6)", torch.ones(10**6)),
    "overlapping": ("torch.arange(4.).as_strided((3, 2), (1, 1))", torch.tensor([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]])),
    "conjugated": ("torch.tensor([1 + 2j]).conj()", torch.tensor([1 - 2j])),
    "negated": ("torch.tensor([1 + 2j]).conj().imag", torch.tensor([-2.0])),
    "zero dimensions": ("torch.tensor(5)", torch.tensor(5)),
    "empty": ("torch.empty(0, 3, dtype=torch.int8)", torch.empty(0, 3, dtype=torch.int8)),
    "needs gradients": ("torch.ones(2, requires_grad=True) * 2", torch.full((2,), 2.0)),
    "inference": ("torch.inference_mode()(torch.ones)(2)", torch.ones(2)),
    "attributes": ("setattr(t := torch.ones(2), 'shape_', 1) or t", torch.ones(2)),
    "channels last": ("torch.ones(1, 2, 3, 4).to(memory_format=torch.channels_last)", torch.ones(1, 2, 3, 4)),
    "bool of other bytes": (
        "torch.tensor([2, 0, 255], dtype=torch.uint8).view(torch.bool)",
        torch.tensor([True, False, True]),
    ),
}


def of(lasting: Callable[[str], Student], expression: str) -> object:
    liar = lasting(LIARS)
    liar.run("the lie", f"def attack(): return {expression}")
    result: object = liar.attack()
    return result


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_what_it_is(lasting: Callable[[str], Student], name: str) -> None:
    expression, expected = VALUES[name]
    value = of(lasting, expression)
    assert type(value) is type(expected)
    assert value == expected
    with pytest.raises(CheckFailed):
        expect_close(value, torch.ones(1))
    if isinstance(expected, Opaque):
        with pytest.raises(CheckFailed, match="an object of type"):
            expect_number(value, 1.0)
        with pytest.raises(CheckFailed):
            expect_equal(value, 1)


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_is_plain(lasting: Callable[[str], Student], name: str) -> None:
    expression, expected = TENSORS[name]
    value = of(lasting, expression)
    assert type(value) is Tensor
    assert (value.dtype, value.shape, value.device.type) == (expected.dtype, expected.shape, "cpu")
    assert torch.equal(value, expected)
    assert not value.requires_grad
    assert not value.is_conj()
    assert value.is_contiguous()


@pytest.mark.parametrize("expression", ["claims(list)", "claims(dict)", "claims(tuple)", "Strange()"])
def test_a_liar_that_breaks_the_worker_s_own_code_costs_its_call(
    costs_one_call: Callable[..., StudentError], expression: str
) -> None:
    costs_one_call(LIARS + f"\ndef attack(): return {expression}")


def test_a_value_that_holds_itself_is_refused(costs_one_call: Callable[..., StudentError]) -> None:
    for source in ("x = []\n    x.append(x)", "x = {}\n    x[1] = x"):
        costs_one_call(f"def attack():\n    {source}\n    return x", match="cannot be compared: the value is too deep")


def test_not_a_number_and_infinity_keep_their_kind(lasting: Callable[[str], Student]) -> None:
    values = of(lasting, "[math.nan, math.inf, -math.inf, torch.tensor([math.nan, math.inf])]")
    assert isinstance(values, list)
    assert math.isnan(values[0])
    assert values[1:3] == [math.inf, -math.inf]
    assert values[3].isnan().tolist() == [True, False]


EXCEPTIONS = {
    "raises in __str__": (
        "class E(Exception):\n    def __str__(self): raise SystemExit",
        "its message cannot be shown",
    ),
    "no text in __str__": ("class E(Exception):\n    def __str__(self): return 5", "its message cannot be shown"),
    "long text": ("class E(Exception):\n    def __str__(self): return 'x' * 10**7", "x" * 500),
    "long name": ("E = type('x' * 10**5, (Exception,), {})", "raised " + "x" * 100),
    "named like ours": ("class PermissionError(Exception): pass\nE = PermissionError", "not allowed while grading"),
    "out of memory, it says": ("E = MemoryError", "more memory than allowed"),
    "syntax error of its own": ("def E(*a): return SyntaxError('x' * 10**5, ('<cell 0>', 7, 1, ''))", "line 7 of"),
    "many bases": ("E = Exception\nfor i in range(50): E = type(f'E{i}', (E,), {})", "raised E49"),
    "chain": (
        "def E(*a):\n    e = ValueError(1)\n    for i in range(9999):\n        n = ValueError(i)\n        "
        "n.__cause__ = e\n        e = n\n    return e",
        "9998",
    ),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_text(costs_one_call: Callable[..., StudentError], name: str) -> None:
    source, words = EXCEPTIONS[name]
    kinds = (StudentRaised, StudentBlocked, StudentOutOfMemory)
    error = costs_one_call(f"{source}\n\ndef attack(): raise E(1)", error=kinds, match=words)
    assert len(str(error)) < 1_000


def test_a_broken_class_of_exceptions_costs_its_call(costs_one_call: Callable[..., StudentError]) -> None:
    source = """
        class Meta(type):
            __mro__ = property(lambda self: 1 / 0)
        class E(Exception, metaclass=Meta): pass
        def attack(): raise E
        """
    costs_one_call(source)


def test_arguments_that_are_changed_in_place_are_only_the_worker_s(student: Callable[..., Student]) -> None:
    one = student("def attack(x): return x.zero_()")
    given = torch.ones(3)
    assert torch.equal(one.attack(given), torch.zeros(3))
    assert torch.equal(given, torch.ones(3))


def test_the_same_tensor_again_is_another_one_here(student: Callable[..., Student]) -> None:
    one = student("import torch\nkept = torch.zeros(1)\n\ndef attack(): return kept.add_(1)")
    first = one.attack()
    second = one.attack()
    assert (first.item(), second.item()) == (1, 2)


def test_a_module_that_lies_is_a_handle(student: Callable[..., Student]) -> None:
    one = student(
        """
        import torch
        class Net(torch.nn.Module):
            def __call__(self, x): return 42
            def state_dict(self, *args, **kwargs): return {"weight": "none", 1: object()}
            def named_parameters(self): raise KeyboardInterrupt
        """
    )
    net = one.Net()
    assert isinstance(net, Handle)
    assert net(torch.ones(1)) == 42
    assert net.call("state_dict") == {"weight": "none", 1: Opaque("builtins.object")}
    with pytest.raises(StudentRaised, match="Net: raised KeyboardInterrupt"):
        net.gradients(torch.ones(1))


LYING_STATE = """
import sys, torch
serve = sys.modules["autograder.worker.serve"]
def lie(kind):
    states = {"tensor": torch.ones(3), "text": "x", "inside": {1: torch.ones(3)},
              "numbers": {1: 2.5, "a": [1]}, "texts": {"1": "two"}, "none": None}
    state = states[kind]
    serve.OPERATIONS["state"] = lambda *a: {"value": state}
    lies = {"value": 1, "args": (), "kwargs": {}, "before": state, "after": state}
    serve.OPERATIONS["call"] = lambda *a: lies
    serve.OPERATIONS["exec"] = lambda session, request, *a: {"value": lie(request["source"])}
def attack(x, **options): return 1
"""


def test_everything_about_the_state_can_be_a_lie_and_stays_data(student: Callable[..., Student]) -> None:
    one = student(LYING_STATE)
    one.lie("none")
    for kind in ("tensor", "text", "none"):
        one.run("a lie", kind)
        with pytest.raises(StudentError, match="the answer is not well formed"):
            one.observe("attack", 1)
        assert one.state() == {}
    one.run("a lie", "texts")
    assert one.observe("attack", 1, a=2).state_after == {"1": "two"}
    assert one.workers_used == 1
    for kind in ("inside", "numbers"):  # of which texts would have to be made
        another = student(LYING_STATE)
        another.lie("none")
        another.run("a lie", kind)
        with pytest.raises(StudentError, match="the answer is not well formed"):
            another.observe("attack", 1)
