"""Nothing that a worker sends makes the trusted side hang, grow, or raise anything but the errors it declares."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from autograder.boundary.student import CallLimits, Student
from autograder.errors import ProtocolViolation
from autograder.worker import wire
from tests.hostile import fuzz_wire
from tests.hostile.bending import ASKED, Bender, Delivery, emitted, keys_with_one_hash, opened, real_answers
from tests.hostile.fuzz_wire import Receiver, Tally, corpus, fuzz, judged

SEED, INPUTS, SECONDS = 7, 400, 20


def reported(tally: Tally) -> list[str]:
    return [f"{finding.operation}: {finding.what} {finding.data[:300]!r}" for finding in tally.findings]


@pytest.mark.parametrize("name", corpus())
def test_what_was_found_once_stays_mended(name: str) -> None:
    tally = Tally()
    receiver = Receiver(lambda operation, seq: Delivery([corpus()[name]]))
    judged(receiver, name.partition("-")[0], tally)
    receiver.close()
    assert reported(tally) == []
    is_real = name.endswith("-real")
    assert (tally.outcomes.keys() <= {"value", "StudentRaised"}) or not is_real, tally.outcomes


@pytest.mark.parametrize("operation", ASKED)
def test_a_real_answer_is_one(operation: str) -> None:
    """Or all that is bent would be refused for the same reason."""
    seen = Tally()
    header, payload = opened(real_answers()[operation])
    text = emitted({**header, "seq": 2})
    receiver = Receiver(lambda *asked: Delivery([wire.PREFIX.pack(len(text), len(payload)) + text + payload]))
    judged(receiver, operation, seen)
    receiver.close()
    assert dict(seen.outcomes) == {"StudentRaised" if operation == "error" else "value": 1}


def test_bent_answers_cost_one_call_each() -> None:
    tally, end = Tally(), time.monotonic() + SECONDS
    fuzz(SEED, lambda tally: tally.inputs >= INPUTS or time.monotonic() > end, tally)
    assert reported(tally) == []
    assert tally.inputs > 20
    assert {"value", "ProtocolViolation"} <= tally.outcomes.keys()


def test_the_same_seed_bends_the_same_way() -> None:
    seeds = real_answers()
    first, second = (Bender(SEED, seeds) for _ in range(2))
    for number in range(50):
        assert first.delivery("call", number) == second.delivery("call", number)


def planted(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    def read_header(text: bytes) -> dict[str, Any]:
        header: dict[str, Any] = original(text)
        if fault == "another error":
            raise KeyError("fields")
        if fault == "memory":
            held.append(b"x" * (600 << 20))
        if fault == "time":
            end = time.thread_time() + fuzz_wire.MAX_CPU_S + 0.2
            while time.thread_time() < end:
                pass
        return header

    held: list[bytes] = []
    original = wire.read_header
    monkeypatch.setattr(wire, "read_header", read_header)


@pytest.mark.parametrize("fault", ["another error", "memory", "time"])
def test_a_fault_of_the_receiver_would_be_found(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(fuzz_wire, "MAX_CPU_S", 0.3)
    receiver = Receiver(lambda operation, seq: Delivery([corpus()["call-real"]]))
    receiver.student.load()
    planted(monkeypatch, fault)
    tally = Tally()
    judged(receiver, "call", tally)
    receiver.close()
    words = {"another error": "KeyError", "memory": "MiB for", "time": "s of the processor"}
    assert [words[fault] in finding.what for finding in tally.findings] == [True]


LARGEST = [(b"[],", 1_390_000), (b'"",', 1_390_000), (b"1,", 2_090_000), (b'{"":0},', 590_000), (b"1e300,", 690_000)]


@pytest.mark.parametrize(("body", "times"), LARGEST)
def test_the_largest_header_costs_one_call_and_little_memory(body: bytes, times: int) -> None:
    text = b'{"seq":2,"status":"ok","tensors":[],"layers":[' + body * times + b"0]}"
    receiver = Receiver(lambda operation, seq: Delivery([wire.PREFIX.pack(len(text), 0) + text]))
    receiver.student._limits = CallLimits(10, 10, 60)
    tally = Tally()
    judged(receiver, "call", tally)
    receiver.close()
    assert reported(tally) == []
    assert dict(tally.outcomes) == {"ProtocolViolation": 1}


def test_keys_that_share_a_hash_from_a_real_worker_cost_a_call(student: Callable[..., Student]) -> None:
    pairs = keys_with_one_hash(20_000)
    one = student("def attack(pairs): return {tuple(pair): 1 for pair in pairs[:150]}")
    with pytest.raises(ProtocolViolation, match="the answer is not well formed"):
        one.attack([list(pair) for pair in pairs[:150]])
    assert one.fine() == 42
