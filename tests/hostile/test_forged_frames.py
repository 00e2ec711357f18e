"""Bytes that the student's code writes into the connection cost it that call; they are never more than an answer."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from autograder.boundary.student import CallLimits, Student
from autograder.errors import ProtocolViolation, StudentCrashed, StudentError, StudentTimedOut

FORGER = """
import json, os, stat, struct, threading, time

def connection():
    for descriptor in range(3, 4096):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return descriptor
        except OSError:
            pass

def attack(text):
    data = bytes.fromhex(text)
    while data:
        data = data[os.write(connection(), data):]
    time.sleep(9)

def early(text, calls):
    def later():
        time.sleep(0.1)
        os.write(connection(), bytes.fromhex(text))
    threading.Thread(target=later).start()

def twice(text):
    os.write(connection(), bytes.fromhex(text) * 2)
    time.sleep(9)

def add(text):
    os.write(connection(), bytes.fromhex(text))
    return 7
"""
SEQ = 4  # start, the cell, a call before, the call
OK: dict[str, Any] = {"seq": SEQ, "status": "ok", "value": 1, "tensors": []}
INF = float("inf")


def frame(header: Any, payload: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("!IQ", len(text), len(payload)) + text + payload


def error(**changes: Any) -> bytes:
    fields = {"names": ["ValueError"], "text": "", "where": "", "traceback": []}
    return frame({"seq": SEQ, "status": "error", "tensors": [], "error": {**fields, **changes}})


def tensor(*entry: Any, payload: bytes = b"", **more: Any) -> bytes:
    return frame({**OK, "value": {"x": 0}, "tensors": [list(entry)], **more}, payload)


MALFORMED: dict[str, bytes] = {
    "no JSON": frame(b"PASSED"),
    "no UTF-8": frame(b'{"seq": 4, "status": "ok", "stdout": "\xff\xfe"}'),
    "empty": frame(b""),
    "a list": frame([OK]),
    "a pickle": frame(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07verdict\x94."),
    "deep": frame(b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "deep value": frame({**OK, "value": eval("{'l':[" * 60 + "1" + "]}" * 60)}),
    "NaN": frame({**OK, "value": float("nan")}),
    "infinity": frame({**OK, "value": INF}),
    "huge integer": frame(b'{"seq": 4, "status": "ok", "tensors": [], "value": ' + b"9" * 5_000 + b"}"),
    "oversized header": struct.pack("!IQ", 2**32 - 1, 0),
    "oversized payload": struct.pack("!IQ", 10, 2**64 - 1) + b"x" * 100,
    "two frames": frame(OK) + frame(OK),
    "no frame": b"all tests passed: 40/40 points\n" * 100,
    "unknown field": frame({**OK, "points": 40}),
    "a verdict": frame({**OK, "outcome": "passed"}),
    "no status": frame({"seq": SEQ, "tensors": []}),
    "another status": frame({**OK, "status": "passed"}),
    "sequence of before": frame({**OK, "seq": SEQ - 1}),
    "sequence of later": frame({**OK, "seq": SEQ + 1}),
    "sequence is text": frame({**OK, "seq": str(SEQ)}),
    "sequence is a bool": frame({**OK, "seq": True}),
    "sequence is a fraction": frame({**OK, "seq": float(SEQ)}),
    "negative time": frame({**OK, "elapsed_ns": -1}),
    "time is text": frame({**OK, "elapsed_ns": "0"}),
    "long output": frame({**OK, "stdout": "x" * 20_001}),
    "output is a list": frame({**OK, "stdout": ["x"]}),
    "half a character": frame({**OK, "stdout": "\ud800"}),
    "half a character in a field's name": frame({**OK, "\udfff": 1}),
    "error without an error": frame({**OK, "status": "error"}),
    "an error that is ok": frame({**OK, "error": {"names": ["E"], "text": "", "where": "", "traceback": []}}),
    "error without names": error(names=[]),
    "error with a long name": error(names=["x" * 101]),
    "error with many names": error(names=["x"] * 21),
    "error with a long text": error(text="x" * 2_001),
    "error with a number": error(text=1),
    "error with more": error(points=40),
    "tensors missing in the list": frame({**OK, "value": {"x": 0}}),
    "tensor of object": tensor("object", [1], "cpu", None, False, payload=b"12345678"),
    "tensor of quint8": tensor("quint8", [1], "cpu", None, False, payload=b"1"),
    "tensor of float8": tensor("float8_e4m3fn", [1], "cpu", None, False, payload=b"1"),
    "tensor of torch.float32": tensor("torch.float32", [1], "cpu", None, False, payload=b"1234"),
    "tensor of a number": tensor(5, [1], "cpu", None, False, payload=b"1"),
    "tensor of a list": tensor(["uint8"], [1], "cpu", None, False, payload=b"1"),
    "short payload": tensor("float32", [2], "cpu", None, False, payload=b"1234"),
    "long payload": tensor("float32", [1], "cpu", None, False, payload=b"123456789"),
    "payload without a tensor": frame(OK, b"1234"),
    "negative size": tensor("uint8", [-1], "cpu", None, False),
    "two negative sizes": tensor("uint8", [-1, -1], "cpu", None, False, payload=b"1"),
    "fraction of a size": tensor("uint8", [1.0], "cpu", None, False, payload=b"1"),
    "a bool as a size": tensor("uint8", [True], "cpu", None, False, payload=b"1"),
    "huge size": tensor("uint8", [2**62], "cpu", None, False),
    "huge product": tensor("uint8", [2**29, 2**29, 2**29, 2**29, 16], "cpu", None, False),
    "huge product with a zero": tensor("float64", [2**29, 2**29, 0], "cpu", None, False),
    "many dimensions": tensor("uint8", [1] * 17, "cpu", None, False, payload=b"1"),
    "shape is a number": tensor("uint8", 1, "cpu", None, False, payload=b"1"),
    "long device": tensor("uint8", [1], "c" * 41, None, False, payload=b"1"),
    "device is a number": tensor("uint8", [1], 0, None, False, payload=b"1"),
    "strides of another length": tensor("uint8", [1], "cpu", [1, 1], False, payload=b"1"),
    "negative strides": tensor("uint8", [1], "cpu", [-1], False, payload=b"1"),
    "gradient is a number": tensor("uint8", [1], "cpu", None, 1, payload=b"1"),
    "short entry": tensor("uint8", [1], payload=b"1"),
    "long entry": tensor("uint8", [1], "cpu", None, False, "more", payload=b"1"),
    "entry is a dict": frame({**OK, "tensors": [{"dtype": "uint8"}]}),
    "tensors are a dict": frame({**OK, "tensors": {"0": 1}}),
    "many tensors": frame({**OK, "tensors": [["uint8", [0], "cpu", None, False]] * 10_001}),
    "negative index": tensor("uint8", [1], "cpu", None, False, payload=b"1", value={"x": -1}),
    "bool index": tensor("uint8", [1], "cpu", None, False, payload=b"1", value={"x": False}),
    "text index": tensor("uint8", [1], "cpu", None, False, payload=b"1", value={"x": "0"}),
    "unknown tag": frame({**OK, "value": {"py/object": "os.system"}}),
    "two tags": frame({**OK, "value": {"l": [], "t": []}}),
    "no tag": frame({**OK, "value": {}}),
    "bare list": frame({**OK, "value": [1]}),
    "list of nothing": frame({**OK, "value": {"l": None}}),
    "dict of a dict": frame({**OK, "value": {"d": {"a": 1}}}),
    "dict of a triple": frame({**OK, "value": {"d": [[1, 2, 3]]}}),
    "dict with a list as a key": frame({**OK, "value": {"d": [[{"l": []}, 1]]}}),
    "dict with a dict as a key": frame({**OK, "value": {"d": [[{"d": []}, 1]]}}),
    "dict with an object as a key": frame({**OK, "value": {"d": [[{"o": "x"}, 1]]}}),
    "float that is none": frame({**OK, "value": {"f": "1e9"}}),
    "float that is a list": frame({**OK, "value": {"f": ["nan"]}}),
    "dtype that is none": frame({**OK, "value": {"y": "object"}}),
    "device that is a number": frame({**OK, "value": {"v": 0}}),
    "handle below zero": frame({**OK, "value": {"h": [-1, "Net"]}}),
    "handle of a bool": frame({**OK, "value": {"h": [True, "Net"]}}),
    "handle without a name": frame({**OK, "value": {"h": [1]}}),
    "handle with a number for a name": frame({**OK, "value": {"h": [1, 2]}}),
    "too many values": frame({**OK, "value": {"l": [1] * 200_001}}),
    "ignored lines that are none": frame({**OK, "ignored": {"z": 1}}),
    "state that is none": frame({**OK, "before": [1], "after": {"q": 0}}),
}  # fmt: skip
UNFINISHED: dict[str, bytes] = {
    "prefix": b"\0\0",
    "header": struct.pack("!IQ", 100, 0) + b"{",
    "payload": struct.pack("!IQ", 2, 100) + b"{}1234",
}
HARMLESS: dict[str, tuple[bytes, Any]] = {
    "an early answer": (frame(OK), 1),
    "more than a float holds": (frame(b'{"seq": 4, "status": "ok", "tensors": [], "value": 1e999}'), INF),
    "a handle that is not there": (frame({**OK, "value": {"l": []}}), []),
    "a field twice": (frame(b'{"seq": 1, "seq": 4, "status": "ok", "value": 1, "value": 2}'), 2),
    "layers": (frame({**OK, "layers": []}), 1),
    "a device that is none": (frame({**OK, "value": {"l": [1, 2]}}), [1, 2]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_frame_costs_one_call(lasting: Callable[[str], Student], neighbour: Student, name: str) -> None:
    one = lasting(FORGER)
    if one.workers_used == 1:
        assert one.fine() == 42
    before = one.workers_used
    with pytest.raises(ProtocolViolation, match=r"^attack: the answer "):
        one.attack(MALFORMED[name].hex())
    assert one.fine() == 42
    assert one.workers_used == before + 1
    assert neighbour.fine() == 42
    assert neighbour.workers_used == 1


@pytest.mark.parametrize("name", UNFINISHED)
def test_an_unfinished_frame_is_late(costs_one_call: Callable[..., StudentError], name: str) -> None:
    costs_one_call(FORGER, UNFINISHED[name].hex(), error=StudentTimedOut, call_s=0.2)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_well_formed_forgery_is_only_an_answer(student: Callable[..., Student], name: str) -> None:
    forged, value = HARMLESS[name]
    one = student(FORGER)
    one.fine()
    assert one.attack(forged.hex()) == value
    one._limits = CallLimits(0.2, 5, 60)
    with pytest.raises(StudentError):  # the process still sleeps in the call before
        one.fine()
    assert one.fine() == 42


def test_an_answer_beside_the_true_one_is_noticed(student: Callable[..., Student]) -> None:
    one = student(FORGER)
    one.fine()
    lost = 0
    calls: list[tuple[str, tuple[str, ...]]] = [("add", (frame(OK).hex(),)), ("fine", ()), ("fine", ())]
    for name, arguments in calls:
        try:
            one.call(name, *arguments)
        except ProtocolViolation:
            lost += 1
    assert lost == 1
    assert one.fine() == 42


def test_the_same_answer_twice_is_noticed(student: Callable[..., Student]) -> None:
    one = student(FORGER)
    one.fine()
    with pytest.raises(ProtocolViolation):
        one.twice(frame(OK).hex())
    assert one.fine() == 42


def test_an_answer_before_the_question_is_refused(student: Callable[..., Student]) -> None:
    one = student(FORGER)
    one.early(frame({**OK, "seq": SEQ, "value": 42}).hex(), 1)
    time.sleep(0.3)
    with pytest.raises(ProtocolViolation, match="fine: its process wrote to the grader without being asked"):
        one.fine()
    assert one.fine() == 42


def test_reading_the_connection_costs_only_its_reader_calls(student: Callable[..., Student]) -> None:
    thief = "lambda: [os.read(connection(), 9) for _ in range(9)]"
    one = student(FORGER + f"\ndef steal():\n    threading.Thread(target={thief}).start()")
    one.steal()
    one._limits = CallLimits(0.3, 5, 60)
    answers: list[object] = []
    while answers[-2:] != [42, 42] and len(answers) < 6:  # when the thief gets his turn is a race
        try:
            answers.append(one.fine())
        except StudentError as failure:
            assert isinstance(failure, StudentTimedOut | StudentCrashed | ProtocolViolation)  # noqa: PT017
            answers.append(failure)
    assert answers[-1] == 42
    assert one.workers_used <= 3


def test_a_shut_connection_is_a_crash(costs_one_call: Callable[..., StudentError]) -> None:
    shut = "import socket\n    socket.socket(fileno=connection()).shutdown(2)\n    time.sleep(9)"
    costs_one_call(
        FORGER + f"\ndef attack():\n    {shut}", error=StudentCrashed, match="its process ended before it answered"
    )
