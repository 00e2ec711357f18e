"""The oracle computes in float64, once per question, and hands out copies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.checks import oracle as remembered
from autograder.checks.oracle import CACHE_ENTRIES, Oracle


@pytest.fixture
def reference() -> Iterator[Any]:
    module = ModuleType("reference_of_a_test")
    calls: list[Any] = []

    def double(x: Any, *, by: float = 2.0, options: Any = None) -> Any:
        calls.append(x)
        if by < 0:
            raise ValueError("negative")
        return {"y": (x * by, [x]) if isinstance(x, Tensor) else (x, [by])}

    module.double = double  # type: ignore[attr-defined]
    module.THRESHOLDS = (0.5, 0.75)  # type: ignore[attr-defined]
    module.calls = calls  # type: ignore[attr-defined]
    return module


def test_values_that_are_no_functions_are_passed_on(reference: Any) -> None:
    assert remembered(reference).THRESHOLDS == (0.5, 0.75)
    with pytest.raises(AttributeError):
        remembered(reference).nothing()


def test_floating_tensors_become_float64_and_no_others(reference: Any) -> None:
    oracle = remembered(reference)
    assert oracle.double(torch.ones(2, dtype=torch.float16))["y"][0].dtype == torch.float64
    assert oracle.double(torch.ones(2, dtype=torch.int32))["y"][1][0].dtype == torch.int32
    assert oracle.double(torch.ones(2, dtype=torch.bool))["y"][1][0].dtype == torch.bool


def test_the_same_question_is_computed_once(reference: Any) -> None:
    oracle = remembered(reference)
    for _ in range(3):
        oracle.double(torch.ones(2), by=3.0, options={"a": [1, None, torch.ones(1)]})
    assert oracle.computed == 1


def test_other_questions_are_computed_too(reference: Any) -> None:
    oracle = remembered(reference)
    x = torch.ones(2)
    questions: list[tuple[Any, dict[str, Any]]] = [
        (x, {}),
        (x.double(), {}),
        (x.reshape(1, 2), {}),
        (x * 2, {}),
        (torch.tensor(1.0), {}),
        (torch.tensor(2.0), {}),
        (torch.empty(0), {}),
        (torch.empty(0, 2), {}),
        (x, {"by": 3.0}),
        (x, {"by": 3}),
        (x, {"options": [1, 2]}),
        (x, {"options": (1, 2)}),
        (x, {"options": [[1], 2]}),
        (x, {"options": {"a": 1}}),
        (x, {"options": "1"}),
        ("ab", {}),
        (["a", "b"], {}),
        (True, {}),
        (1, {}),
        (x.int(), {}),
        (x.flip(0) * 5, {"options": None}),
    ]
    for x, options in questions:
        oracle.double(x, **options)
    assert oracle.computed == len(questions)


def test_a_result_that_is_changed_is_a_copy(reference: Any) -> None:
    oracle = remembered(reference)
    x = torch.ones(2)
    first = oracle.double(x)
    first["y"][0].zero_()
    first["y"][1].append(1)
    again = oracle.double(x)
    assert again["y"][0].tolist() == [2.0, 2.0]
    assert len(again["y"][1]) == 1
    assert x.tolist() == [1.0, 1.0]


def test_an_oracle_of_float64_does_not_hand_out_the_question(reference: Any) -> None:
    x = torch.ones(2, dtype=torch.float64)
    remembered(reference).double(x)["y"][1][0].zero_()
    assert x.tolist() == [1.0, 1.0]


def test_gradients_do_not_pass(reference: Any) -> None:
    result = remembered(reference).double(torch.ones(2, requires_grad=True))["y"][0]
    assert not result.requires_grad


def test_an_error_of_the_reference_is_not_remembered(reference: Any) -> None:
    oracle = remembered(reference)
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            oracle.double(1, by=-1.0)
    assert len(reference.calls) == 2


def test_the_memory_has_an_end(reference: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[Oracle.__module__], "CACHE_ENTRIES", 3)
    oracle = Oracle(reference)
    for number in range(5):
        oracle.double(number)
    assert len(oracle._results) <= 3 < CACHE_ENTRIES
