"""The worker's loop, in this process and unconfined: what each operation answers, and how exceptions become text."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.worker import serve, wire
from autograder.worker.serve import Session, Tail
from autograder.worker.wire import HandleRef, Opaque


class Asked:
    """A session and the way to ask it, as the trusted side does."""

    def __init__(self) -> None:
        self.session = Session()
        self.number = 0

    def header(
        self, op: str, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        self.number += 1
        encoder = wire.Encoder()
        request = {
            "op": op,
            "seq": self.number,
            "args": encoder.encode(args),
            "kwargs": encoder.encode(kwargs or {}),
            **more,
        }
        received, payload = split(wire.pack(request, encoder))
        answered, answer_payload = split(serve.answer(self.session, received, bytearray(payload)))
        assert answered["seq"] == self.number
        self.tensors, self.infos = wire.read_tensors(answered.pop("tensors"), answer_payload)
        return answered

    def ok(self, op: str, *args: Any, field: str = "value", kwargs: dict[str, Any] | None = None, **more: Any) -> Any:
        answered = self.header(op, args, kwargs, **more)
        assert answered["status"] == "ok", answered["error"]
        return wire.decode(answered[field], self.tensors)

    def error(self, op: str, *args: Any, **more: Any) -> dict[str, Any]:
        answered = self.header(op, args, **more)
        assert answered["status"] == "error"
        return dict(answered["error"])

    def run(self, source: str, label: str = "the cell", **more: Any) -> None:
        self.ok("exec", label=label, source=source, **more)


def split(frame: bytes) -> tuple[dict[str, Any], bytes]:
    header_size, _ = wire.PREFIX.unpack_from(frame)
    start = wire.PREFIX.size + header_size
    return json.loads(frame[wire.PREFIX.size : start]), frame[start:]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Asked]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    modules = dict(sys.modules)
    yield Asked()
    for name in set(sys.modules) - set(modules):
        if name.startswith("submission"):
            del sys.modules[name]


def test_a_cell_defines_what_a_call_calls(asked: Asked) -> None:
    asked.run("def double(x, *, by=2):\n    return x * by")
    assert torch.equal(asked.ok("call", torch.ones(2), name="double"), torch.full((2,), 2.0))
    assert asked.ok("call", 3, name="double", kwargs={"by": 5}) == 15


def test_a_value_is_returned_as_it_is(asked: Asked) -> None:
    asked.run("IOU_THRESHOLDS = [0.5, 0.75]\nNOTHING = None")
    assert asked.ok("value", name="IOU_THRESHOLDS") == [0.5, 0.75]
    assert asked.ok("value", name="NOTHING") is None
    assert isinstance(asked.ok("value"), Opaque)


def test_a_name_that_is_not_there_is_a_name_error(asked: Asked) -> None:
    error = asked.error("call", name="box_iou")
    assert error["names"][0] == "NameError"
    assert error["text"] == "box_iou is not defined"


def test_the_session_starts_with_its_name_and_its_files(asked: Asked) -> None:
    content = torch.tensor(bytearray(b"a,b\n1,2\n"), dtype=torch.uint8)
    empty = torch.empty(0, dtype=torch.uint8)
    asked.ok("start", content, empty, name="submission_a", files=["data/table.csv", "empty"], field="seq")
    asked.run(
        "with open('data/table.csv') as file: text = file.read()\n"
        "name = __name__\ndisplay(1, raw=True)\nimport submission_a as own"
    )
    assert asked.ok("value", name="text") == "a,b\n1,2\n"
    assert asked.ok("value", name="name") == "submission_a"
    assert Path("empty").read_bytes() == b""
    assert sys.path[0] == os.getcwd()


def test_a_fixtures_module_is_beside_the_student_s(asked: Asked) -> None:
    asked.run("name = 'student'")
    asked.run("name = 'given'\ndef build(): return name", label="given", module="submission_given")
    asked.run("import submission_given\ngot = submission_given.build()")
    assert asked.ok("value", name="got") == "given"
    assert asked.ok("value", name="name") == "student"
    assert asked.ok("call", name="build", module="submission_given") == "given"


# ------------------------------------------------------------------------------------------------ errors


def test_a_syntax_error_names_the_line_of_the_cell(asked: Asked) -> None:
    error = asked.error("exec", label="box_iou", source="x = 1\ndef f(:\n    pass")
    assert error["names"][0] == "SyntaxError"
    assert error["where"] == "line 2 of box_iou"
    assert error["text"] == "invalid syntax"


def test_an_exception_names_the_innermost_line_of_a_cell(asked: Asked) -> None:
    asked.run("import json\n\ndef inner():\n    json.loads('{')", label="first")
    asked.run("def outer():\n    inner()", label="second")
    error = asked.error("call", name="outer")
    assert error["names"][:2] == ["JSONDecodeError", "ValueError"]
    assert error["where"] == "line 4 of first"
    assert error["traceback"] == ["line 2 of second, in outer", "line 4 of first, in inner"]


def test_a_long_traceback_is_cut_to_its_end(asked: Asked) -> None:
    asked.run("def f(n):\n    if n == 0: raise ValueError('x' * 9_999)\n    f(n - 1)")
    error = asked.error("call", 50, name="f")
    assert len(error["traceback"]) == serve.SHOWN_FRAMES
    assert error["text"] == "x" * serve.ERROR_CHARS


@pytest.mark.parametrize(
    "kind", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException", "RecursionError"]
)
def test_what_is_not_an_exception_is_answered_too(asked: Asked, kind: str) -> None:
    asked.run(f"def f(): raise {kind}('why')")
    error = asked.error("call", name="f")
    assert (error["names"][0], error["text"]) == (kind, "why")


def test_a_message_that_raises_is_replaced(asked: Asked) -> None:
    asked.run("class E(Exception):\n    def __str__(self): raise KeyboardInterrupt\n\ndef f(): raise E")
    assert asked.error("call", name="f")["text"] == "(its message cannot be shown)"


def test_half_characters_are_replaced(asked: Asked) -> None:
    asked.run("def f():\n    print('a\\ud800')\n    raise ValueError('b\\udfff')")
    answered = asked.header("call", name="f")
    assert answered["error"]["text"] == "b?"
    assert answered["stdout"] == "a?\n"


def test_an_answer_that_cannot_be_sent_is_an_error(asked: Asked) -> None:
    asked.run("def f(): return list(range(10**6))")
    error = asked.error("call", name="f")
    assert error["names"][0] == "WireError"
    assert "too large" in error["text"]


def test_a_syntax_error_raised_by_hand_is_capped(asked: Asked) -> None:
    asked.run("def f(): raise SyntaxError('x' * 9_999, ('<cell 0>', None, 1, ''))")
    error = asked.error("call", name="f")
    assert len(error["text"]) == serve.ERROR_CHARS
    assert error["where"] == "line 0 of the cell"


# ------------------------------------------------------------------------------------------------ output


def test_output_is_kept_to_its_end_and_taken_once(asked: Asked) -> None:
    asked.run("import sys\ndef f():\n    print('x' * 9_999)\n    print('end', file=sys.stderr)")
    answered = asked.header("call", name="f")
    assert len(answered["stdout"]) == serve.STDOUT_TAIL_CHARS
    assert answered["stdout"].endswith("x\nend\n")
    assert asked.header("state")["stdout"] == ""


def test_the_stream_behaves_like_one() -> None:
    tail = Tail(limit=5)
    assert tail.write("abc") == 3
    tail.writelines(["def", "gh"])
    tail.flush()
    assert (tail.isatty(), tail.writable(), tail.encoding, tail.errors) == (False, True, "utf-8", "replace")
    assert (tail.take(), tail.take()) == ("defgh", "")
    with pytest.raises(TypeError, match=r"write\(\) argument must be str, not bytes"):
        tail.write(b"x")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ objects that stay


NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self, width=2):
        super().__init__()
        self.layer = torch.nn.Linear(3, width, bias=False)
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.frozen = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    def forward(self, x):
        return self.layer(x) * self.frozen

def optimizer(net):
    return torch.optim.SGD(net.parameters(), lr=0.1)

def trains(net):
    return net.training
"""


def test_a_module_stays_and_is_asked_by_its_handle(asked: Asked) -> None:
    asked.run(NET)
    net = asked.ok("call", name="Net", kwargs={"width": 4})
    assert net == HandleRef(0, "Net")
    weight = torch.arange(12.0).reshape(4, 3)
    state = asked.ok("call", handle=0, name="state_dict")
    assert set(state) == {"layer.weight", "unused", "frozen"}
    asked.ok("call", {**state, "layer.weight": weight}, handle=0, name="load_state_dict")
    assert torch.equal(asked.ok("call", torch.eye(3), handle=0, name="__call__"), weight.T)
    assert asked.ok("call", handle=0, name="eval") == HandleRef(1, "Net")
    assert asked.ok("call", net, name="trains") is False
    asked.ok("call", True, handle=0, name="train")
    assert asked.ok("value", handle=0, name="training") is True
    assert asked.ok("call", net, name="optimizer").type_name == "SGD"


def test_gradients_of_inputs_and_of_trained_parameters(asked: Asked) -> None:
    asked.run(NET)
    asked.ok("call", name="Net")
    x = torch.tensor([[1.0, 2.0, 3.0]])
    weight = torch.tensor([[1.0, 10.0]])
    answered = asked.header("gradients", (x,), {"__weight__": weight}, handle=0)
    parameters = wire.decode(answered["parameters"], asked.tensors)
    assert set(parameters) == {"layer.weight", "unused"}
    assert parameters["unused"] is None
    assert torch.equal(parameters["layer.weight"], weight.T * x)
    (gradient,) = wire.decode(answered["gradients"], asked.tensors)
    assert gradient.shape == x.shape
    assert isinstance(wire.decode(answered["value"], asked.tensors), Tensor)


def test_gradients_of_a_function_skip_what_is_not_floating(asked: Asked) -> None:
    asked.run("def loss(logits, labels, scale=1.0): return (logits * labels).sum() * scale")
    answered = asked.header("gradients", (torch.ones(2), torch.tensor([3, 4]), 2.0), name="loss")
    assert [g.tolist() for g in wire.decode(answered["gradients"], asked.tensors)] == [[6.0, 8.0]]


def test_gradients_of_what_is_cut_off_are_an_error(asked: Asked) -> None:
    asked.run("def f(x): return x.detach()")
    assert asked.error("gradients", torch.ones(2), name="f")["names"][0] == "RuntimeError"


def test_a_call_can_be_observed(asked: Asked) -> None:
    asked.run(
        "import torch\ndef f(x, scale=None):\n    x.zero_()\n    torch.rand(1)\n"
        "    torch.set_default_dtype(torch.float64)"
    )
    try:
        answered = asked.header("call", (torch.ones(2),), {"scale": 2}, name="f", observe=True)
    finally:
        torch.set_default_dtype(torch.float32)
    before, after, args, kwargs = (
        wire.decode(answered[n], asked.tensors) for n in ("before", "after", "args", "kwargs")
    )
    assert args[0].tolist() == [0.0, 0.0]
    assert kwargs == {"scale": 2}
    assert {name for name in before if before[name] != after[name]} == {"default dtype", "random generator"}
    assert set(asked.ok("state")) == set(before)


def test_inputs_arrive_as_they_were_laid_out(asked: Asked) -> None:
    asked.run("def f(x, y): return x.stride(), y.requires_grad, str(x.device)")
    x, y = torch.arange(6.0).reshape(2, 3).T, torch.ones(1, requires_grad=True)
    assert asked.ok("call", x, y, name="f") == ((1, 3), True, "cpu")
    assert asked.ok("call", x, y, name="f", device="meta") == ((1, 3), True, "meta")


# ------------------------------------------------------------------------------------------------ magics


@pytest.mark.parametrize(
    ("source", "kept", "ignored"),
    [
        ("x = 1", "x = 1", []),
        ("%matplotlib inline\nx = 1", "pass\nx = 1", ["%matplotlib inline"]),
        ("!pip install torch", "pass", ["!pip install torch"]),
        ("if x:\n    !ls -l\n    y = 1", "if x:\n    pass\n    y = 1", ["!ls -l"]),
        ("?print\nprint?\nprint??", "pass\npass\npass", ["?print", "print?", "print??"]),
        ("# is it right?\nx = 1", "# is it right?\nx = 1", []),
        ("%%time\nx = 1", "\nx = 1", ["%%time"]),
        ("\n\n%%capture out\nx = 1", "\n\n\nx = 1", ["%%capture out"]),
        ("%%bash\nrm -rf /", "", ["%%bash"]),
        ("", "", []),
    ],
)
def test_magics_are_left_out_line_by_line(source: str, kept: str, ignored: list[str]) -> None:
    assert serve.without_magics(source) == (kept, ignored)


def test_a_cell_with_magics_runs_without_them(asked: Asked) -> None:
    source = "%matplotlib inline\n!ls\nx = (10\n  % 3\n  != 2)\n'Is it right?'"
    answered = asked.header("exec", label="the cell", source=source)
    assert wire.decode(answered["ignored"], []) == ["%matplotlib inline", "!ls"]
    assert asked.ok("value", name="x") is True


def test_a_cell_that_is_no_python_without_magics_either_is_an_error(asked: Asked) -> None:
    error = asked.error("exec", label="the cell", source="%matplotlib inline\ndef f(:")
    assert (error["names"][0], error["where"]) == ("SyntaxError", "line 2 of the cell")


def test_a_percent_sign_at_the_start_of_a_line_of_python_is_no_magic() -> None:
    code, ignored = serve.compiled("x = (10\n% 3)", "<cell 0>")
    assert ignored == []
    assert code.co_filename == "<cell 0>"


# ------------------------------------------------------------------------------------------------ the loop


def test_the_loop_says_first_what_it_is_told_and_ends_with_its_connection(asked: Asked) -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve.serve, args=(theirs, {"seq": 0, "status": "ok", "layers": []}))
    with ours, theirs, contextlib.redirect_stdout(sys.stdout):
        thread.start()
        assert wire.receive(ours)[0]["layers"] == []
        encoder = wire.Encoder()
        wire.send(ours, wire.pack({"op": "exec", "seq": 1, "label": "a", "source": "x = 1"}, encoder))
        assert wire.receive(ours)[0]["status"] == "ok"
        ours.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        assert not thread.is_alive()


def test_the_loop_can_begin_without_a_word() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        serve.serve(theirs)
