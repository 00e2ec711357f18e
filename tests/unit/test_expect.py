"""Each expectation holds for exactly what its sentence says, and tells the student which property failed."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.boundary.student import Observation
from autograder.checks import (
    expect_close,
    expect_device,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_object,
    expect_raises,
    expect_tensor,
    expect_true,
    expect_tuple,
)
from autograder.checks.expect import CheckRun, current_run, equals_mistake
from autograder.checks.tolerance import BFLOAT16, EXACT, FLOAT16, FLOAT32, FLOAT64, tolerance_for
from autograder.errors import CheckFailed, HarnessError, StudentRaised
from autograder.reports.models import Comparison
from autograder.worker.wire import Opaque, TensorInfo

NAN, INF = math.nan, math.inf


@dataclass(frozen=True)
class Called:
    name: str = "box_iou"


@dataclass
class Fake:
    """A student whose last call was of ``box_iou``, and whose tensors live where ``origins`` says."""

    calls: list[Called] = field(default_factory=lambda: [Called()])
    origins: dict[int, str] = field(default_factory=dict)
    left: Observation | None = None
    device: str = "cpu"

    def origin_of(self, tensor: Tensor) -> TensorInfo | None:
        device = self.origins.get(id(tensor))
        return None if device is None else TensorInfo("float32", [1], device)

    def observe(self, name: str, *args: Any, **kwargs: Any) -> Observation:
        assert self.left is not None
        return self.left


@pytest.fixture
def run() -> Iterator[CheckRun]:
    student: Any = Fake()
    one = CheckRun(student)
    token = current_run.set(one)
    yield one
    current_run.reset(token)


def fails(message: str) -> Any:
    return pytest.raises(CheckFailed, match=f"^{re.escape(message)}$")


def t(*values: float, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype)


def test_every_expectation_counts_itself(run: CheckRun) -> None:
    x = t(1.0, dtype=torch.float64)
    expect_true(True, "holds")
    expect_tensor(x)
    expect_device(x, "cpu")
    expect_tuple((1,), 1)
    expect_item({"a": 1}, "a")
    expect_number(1.0, 1.0)
    expect_close(x, x)
    expect_equal(1, 1)
    assert run.expectations == 8


def test_outside_of_a_check_the_subject_is_the_result() -> None:
    with fails("result: expected a tensor, got None"):
        expect_tensor(None)
    token = current_run.set(CheckRun())
    with fails("result: expected a tensor, got None"):
        expect_tensor(None)
    current_run.reset(token)


# ------------------------------------------------------------------------------------------------ expect_true


def test_a_property_is_true_or_the_check_is_wrong(run: CheckRun) -> None:
    with fails("box_iou: the result is not symmetric"):
        expect_true(False, "the result is not symmetric", staff="numbers")
    for condition in (1, None, torch.tensor(True), "yes"):
        with pytest.raises(HarnessError, match="expect_true: expected a bool"):
            expect_true(condition, "never said")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ type, shape, place


@pytest.mark.parametrize(
    ("actual", "got"),
    [
        (None, "None"),
        (1.0, "an object of type float"),
        ([1.0], "an object of type list"),
        (Opaque("numpy.ndarray"), "an object of type numpy.ndarray"),
        (torch.nn.Parameter(torch.ones(1)), "a tensor of shape (1,)"),
    ],
)
def test_only_a_plain_tensor_is_a_tensor(run: CheckRun, actual: object, got: str) -> None:
    with fails(f"box_iou: expected a tensor, got {got}"):
        expect_tensor(actual)


def test_a_shape_is_exact(run: CheckRun) -> None:
    assert expect_tensor(torch.ones(2, 3), shape=(2, 3), dtype=torch.float32).shape == (2, 3)
    assert expect_tensor(torch.ones(2, 3), shape=torch.Size([2, 3])).shape == (2, 3)
    with fails("box_iou: expected shape (3, 2), got (2, 3)") as caught:
        expect_tensor(torch.ones(2, 3), shape=[3, 2])
    assert caught.value.comparison == Comparison(expected_shape=(3, 2), actual_shape=(2, 3), dtype="float32")


def test_a_dtype_is_exact(run: CheckRun) -> None:
    with fails("box_iou: expected dtype float64, got float32"):
        expect_tensor(torch.ones(1), dtype=torch.float64)


def test_a_device_is_that_of_the_student_s_process(run: CheckRun) -> None:
    x = torch.ones(1)
    assert expect_device(x, "cpu") is x
    student: Any = run.student
    student.origins[id(x)] = "simgpu:0"
    assert expect_tensor(x, device="simgpu:0") is x
    with fails("box_iou: expected the result on device cpu, got simgpu:0"):
        expect_device(x, "cpu")


def test_the_device_of_a_tensor_nobody_has_sent_is_its_own() -> None:
    assert expect_device(torch.ones(1), "cpu").device.type == "cpu"
    with fails("result: expected the result on device cuda:0, got cpu"):
        expect_device(torch.ones(1), "cuda:0")


# ------------------------------------------------------------------------------------------------ containers


def test_a_tuple_has_a_length(run: CheckRun) -> None:
    assert expect_tuple([1, 2], 2) == (1, 2)
    with fails("box_iou: expected a tuple of 2, got one of 3"):
        expect_tuple((1, 2, 3), 2)
    with fails("box_iou: expected a tuple of 2, got a tensor of shape (2,)"):
        expect_tuple(torch.ones(2), 2)


@pytest.mark.parametrize(
    ("key", "wanted"), [(1, 1), (1.0, 1), (1, 1.0), ((0, 0.75), (0, 0.7500000001)), ("a", "a"), (None, None)]
)
def test_a_key_is_found_up_to_rounding(run: CheckRun, key: object, wanted: object) -> None:
    assert expect_item({"other": 0, key: 5}, wanted) == 5


@pytest.mark.parametrize("key", ["b", 0.6, (0, 0.75, 1), (0, 0.5), None, "0.5"])
def test_a_key_that_is_missing_is_named(run: CheckRun, key: object) -> None:
    with fails(f"box_iou: expected the key {key!r} in the dict. It is missing."):
        expect_item({"a": 1, 0.5: 2, (0, 0.75): 3}, key)


def test_only_a_dict_has_keys(run: CheckRun) -> None:
    with fails("box_iou: expected a dict, got an object of type list"):
        expect_item([1], 0)


# ------------------------------------------------------------------------------------------------ numbers


def test_a_number_that_is_not_finite_is_compared_by_its_kind(run: CheckRun) -> None:
    assert expect_number(-INF, -INF) == -INF
    assert math.isnan(expect_number(torch.tensor(NAN), NAN, equal_nan=True))
    with fails("box_iou: wrong value"):
        expect_number(INF, -INF)
    with pytest.raises(HarnessError, match="the oracle says NaN"):
        expect_number(NAN, NAN)


@pytest.mark.parametrize("actual", [0.5, torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float16), 0.5 + 1e-12])
def test_a_number_is_a_float_or_a_tensor_without_dimensions(run: CheckRun, actual: object) -> None:
    assert expect_number(actual, 0.5) == pytest.approx(0.5)


def test_an_integer_is_a_number(run: CheckRun) -> None:
    assert expect_number(2, 2.0) == 2.0
    assert expect_number(torch.tensor(2), 2.0) == 2.0


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        (True, "expected a number (a float or a 0-dim tensor), got an object of type bool"),
        ("0.5", "expected a number (a float or a 0-dim tensor), got an object of type str"),
        (None, "expected a number (a float or a 0-dim tensor), got None"),
        (Opaque("X"), "expected a number (a float or a 0-dim tensor), got an object of type X"),
        (t(0.5), "expected a number (a float or a 0-dim tensor), got a tensor of shape (1,)"),
        (torch.tensor(True), "expected a number, got a tensor of dtype bool"),
        (torch.tensor(1j), "expected a number, got a tensor of dtype complex64"),
        (0.6, "wrong value"),
        (NAN, "the result contains NaN where it should be finite"),
        (-INF, "the result contains infinity where it should be finite"),
    ],
)
def test_what_is_no_number_or_the_wrong_one(run: CheckRun, actual: object, message: str) -> None:
    with fails(f"box_iou: {message}"):
        expect_number(actual, 0.5)


def test_a_number_s_tolerance_is_that_of_its_dtype(run: CheckRun) -> None:
    expect_number(torch.tensor(0.5 + 5e-6), 0.5)
    with fails("box_iou: wrong value"):
        expect_number(0.5 + 5e-6, 0.5)
    expect_number(0.6, 0.5, atol=0.2)
    expect_number(0.6, 0.5, rtol=0.3)
    with fails("box_iou: wrong value"):
        expect_number(torch.tensor(0.5 + 5e-6), 0.5, rtol=0, atol=0)


# ------------------------------------------------------------------------------------------------ values


def close(actual: Tensor, expected: Tensor, **options: Any) -> None:
    expect_close(actual, expected.double(), dtype=torch.float32, **options)


def test_close_values_are_close(run: CheckRun) -> None:
    close(t(1.0, 2.0), t(1.0, 2.000001))
    close(torch.empty(0, 3), torch.empty(0, 3))
    with fails("box_iou: 1 of 2 values are wrong") as caught:
        close(t(1.0, 2.0), t(1.0, 2.1))
    comparison = caught.value.comparison
    assert isinstance(comparison, Comparison)
    assert (comparison.mismatched_fraction, comparison.max_abs_error) == (0.5, 0.1)
    assert "2.1" in caught.value.staff
    assert "2.1" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1,), (2, 1), (1, 2), ()])
def test_nothing_broadcasts(run: CheckRun, shape: tuple[int, ...]) -> None:
    with fails(f"box_iou: expected shape (2,), got {shape}"):
        close(torch.ones(shape), t(1.0, 1.0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64, torch.bool])
def test_the_dtype_is_part_of_the_contract(run: CheckRun, dtype: torch.dtype) -> None:
    with pytest.raises(CheckFailed, match="expected dtype float32"):
        close(torch.ones(2).to(dtype), torch.ones(2))


def test_not_a_number_equals_nothing_unless_it_is_said(run: CheckRun) -> None:
    with fails("box_iou: the result contains NaN where it should be finite"):
        close(t(NAN, 1.0), t(1.0, 1.0))
    with pytest.raises(HarnessError, match="box_iou: the oracle says NaN, and the check does not say equal_nan"):
        close(t(NAN), t(NAN))
    close(t(NAN, 1.0), t(NAN, 1.0), equal_nan=True)
    with fails("box_iou: the result is a number where it should be NaN"):
        close(t(0.0), t(NAN), equal_nan=True)
    with fails("box_iou: the result contains NaN where it should be finite"):
        close(t(NAN, NAN), t(NAN, 1.0), equal_nan=True)


def test_infinities_are_compared_by_sign(run: CheckRun) -> None:
    close(t(INF, -INF), t(INF, -INF))
    with fails("box_iou: 2 of 2 values are wrong"):
        close(t(INF, -INF), t(-INF, INF))
    with fails("box_iou: 1 of 2 values are wrong"):
        close(t(1.0, 5.0), t(1.0, INF))
    with fails("box_iou: the result contains infinity where it should be finite"):
        close(t(INF), t(1e30))
    with fails("box_iou: 1 of 1 values are wrong"):
        close(t(NAN), t(INF))


def test_a_bound_that_overflows_is_none(run: CheckRun) -> None:
    huge = torch.tensor([1e308], dtype=torch.float64)
    expect_close(huge, huge, rtol=1e10)
    with fails("box_iou: the result contains infinity where it should be finite"):
        expect_close(huge * 10, huge, rtol=1e10)


def test_complex_numbers_are_not_compared_by_half(run: CheckRun) -> None:
    with pytest.raises(HarnessError, match="real numbers"):
        expect_close(torch.tensor([1j]), torch.tensor([1 + 0j]), dtype=torch.complex64)


def test_a_long_tensor_is_shortened_for_the_staff(run: CheckRun) -> None:
    x = torch.linspace(1, 2, 900)
    with pytest.raises(CheckFailed) as caught:
        close(x + 1, x)
    assert "…" in caught.value.staff
    assert len(caught.value.staff) < 4_000


def test_a_tensor_that_needs_gradients_is_compared_too(run: CheckRun) -> None:
    with fails("box_iou: 1 of 1 values are wrong"):
        close(t(1.0).requires_grad_(), t(2.0).requires_grad_())


# ------------------------------------------------------------------------------------------------ exactly equal


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (1, 1),
        (True, True),
        ("a", "a"),
        (None, None),
        (0.5, 0.5),
        ([1, (2,)], (1, [2])),
        ({"a": [1]}, {"a": (1,)}),
        (torch.tensor([1, 2]), torch.tensor([1, 2])),
        ([torch.tensor(True)], [torch.tensor(True)]),
        ((), []),
        (torch.float32, torch.float32),
        ({1: torch.tensor([1])}, {1: torch.tensor([1])}),
    ],
)
def test_equal_values_are_equal(run: CheckRun, actual: object, expected: object) -> None:
    expect_equal(actual, expected)


@pytest.mark.parametrize(
    ("actual", "expected", "message"),
    [
        (2, 1, "wrong value"),
        (True, 1, "expected int, got an object of type bool"),
        (1, True, "expected bool, got an object of type int"),
        (1.0, 1, "expected int, got an object of type float"),
        (NAN, NAN, "wrong value"),
        (None, 0, "expected int, got None"),
        (Opaque("Equal"), 1, "expected int, got an object of type Equal"),
        (torch.tensor(1), 1, "expected int, got a tensor of shape ()"),
        (1, torch.tensor(1), "expected a tensor, got an object of type int"),
        (5, [5], "expected a sequence, got an object of type int"),
        ([1], [1, 2], "expected 2 entries, got 1"),
        ([1, 3], [1, 2], "wrong value"),
        ({"a": 1, "b": 2}, {"a": 1}, "the keys of the dict are wrong"),
        ({"a": 2}, {"a": 1}, "wrong value"),
        ([("a", 1)], {"a": 1}, "expected dict, got an object of type list"),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "1 of 2 values are wrong"),
        (torch.tensor([1, 2]).int(), torch.tensor([1, 2]), "expected dtype int64, got int32"),
        (torch.tensor([True]), torch.tensor([1]), "expected dtype int64, got bool"),
        (torch.tensor([[1]]), torch.tensor([1]), "expected shape (1,), got (1, 1)"),
    ],
)
def test_what_differs_is_said_without_the_value(run: CheckRun, actual: object, expected: object, message: str) -> None:
    with fails(f"box_iou: {message}") as caught:
        expect_equal(actual, expected)
    assert caught.value.staff or caught.value.comparison or isinstance(expected, Tensor)


def test_another_dtype_can_be_asked_for(run: CheckRun) -> None:
    expect_equal(torch.tensor([1, 0]).bool(), torch.tensor([1, 0]), dtype=torch.bool)
    expect_equal([torch.tensor([1]).int()], [torch.tensor([1])], dtype=torch.int32)


# ------------------------------------------------------------------------------------------------ raises


def raised(*names: str) -> Any:
    def call() -> None:
        raise StudentRaised("box_iou", names, "bad")

    return call


def test_an_accepted_error_is_what_is_expected(run: CheckRun) -> None:
    expect_raises(raised("ValueError", "Exception"))
    expect_raises(raised("MyError", "IndexError", "LookupError"))
    expect_raises(raised("KeyError"), KeyError)
    assert run.expectations == 3


@pytest.mark.parametrize(
    "names", [("NotImplementedError", "RuntimeError"), ("NameError",), ("ZeroDivisionError",), ("SystemExit",)]
)
def test_other_errors_are_the_student_s(run: CheckRun, names: tuple[str, ...]) -> None:
    with pytest.raises(StudentRaised):
        expect_raises(raised(*names))


def test_no_error_where_one_is_due(run: CheckRun) -> None:
    with fails("box_iou: expected ValueError for an invalid argument. It returned a value."):
        expect_raises(lambda: 5)
    with fails("box_iou: expected KeyError for an invalid argument. It returned a value."):
        expect_raises(lambda: 5, KeyError)


# ------------------------------------------------------------------------------------------------ side effects


def left(run: CheckRun, args: tuple[Any, ...], kwargs: dict[Any, Any], **after: str) -> None:
    before = {"grad mode": "True", "default dtype": "torch.float32"}
    student: Any = run.student
    student.left = Observation(7, args, kwargs, before, {**before, **after})


def test_unchanged_inputs_and_state_are_no_side_effects(run: CheckRun) -> None:
    x = torch.tensor([1.0, NAN])
    given: dict[str, Any] = {"b": [1, (NAN, None, "a")], "a": {"k": torch.tensor([True])}}
    left(run, (x.clone(), 2), {"a": {"k": torch.tensor([True])}, "b": [1, (NAN, None, "a")]})
    student: Any = run.student
    assert expect_no_side_effects(student, "box_iou", x, 2, **given) == 7
    assert run.expectations == 1


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((torch.zeros(2), 1), {"a": 1}),
        ((torch.ones(1, 2), 1), {"a": 1}),
        ((torch.ones(2).double(), 1), {"a": 1}),
        ((Opaque("X"), 1), {"a": 1}),
        ((torch.ones(2), True), {"a": 1}),
        ((torch.ones(2), 2), {"a": 1}),
        ((torch.ones(2),), {"a": 1}),
        ((torch.ones(2), [1]), {"a": 1}),
        ((torch.ones(2), 1), {"a": 2}),
        ((torch.ones(2), 1), {}),
        ((torch.ones(2), 1), {"a": 1, 5: 1, None: 2}),
        ((), {}),
    ],
)
def test_a_changed_input_is_a_side_effect(run: CheckRun, args: tuple[Any, ...], kwargs: dict[Any, Any]) -> None:
    left(run, args, kwargs)
    student: Any = run.student
    with fails("box_iou: expected its inputs to be unchanged. It changed one of them in place."):
        expect_no_side_effects(student, "box_iou", torch.ones(2), 1, a=1)


@pytest.mark.parametrize("nested", [[torch.zeros(1)], {"x": torch.zeros(1)}, {"y": torch.ones(1)}, 5])
def test_a_changed_input_inside_another_is_a_side_effect(run: CheckRun, nested: Any) -> None:
    left(run, (nested,), {})
    student: Any = run.student
    with pytest.raises(CheckFailed):
        expect_no_side_effects(student, "box_iou", {"x": torch.ones(1)})


def test_changed_state_is_a_side_effect(run: CheckRun) -> None:
    left(run, (), {}, **{"grad mode": "False"})
    student: Any = run.student
    with fails("box_iou: expected PyTorch's grad mode to be unchanged. It changed it."):
        expect_no_side_effects(student, "box_iou")


# ------------------------------------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("actual", "wrong"),
    [
        (t(1.0, 2.0), t(1.0, 2.0).double()),
        (0.5, torch.tensor(0.5)),
        (torch.tensor(0.5), 0.5),
        (1, 1.0),
        (True, 1),
        (t(NAN, INF), t(NAN, INF)),
        ([1, t(2.0)], (1.0, t(2.0))),
        ({1: 0.5, (0, 0.75): 1}, {1.0: 0.5, (0, 0.7500000001): 1}),
        ("a", "a"),
        (None, None),
        (t(1.000001), t(1.0)),
        (torch.empty(0), torch.empty(0)),
        (torch.tensor([1, 0]), torch.tensor([True, False])),
    ],
)
def test_the_output_of_a_mistake_is_recognised(actual: object, wrong: object) -> None:
    assert equals_mistake(actual, wrong)


@pytest.mark.parametrize(
    ("actual", "wrong"),
    [
        (t(1.0), t(1.1)),
        (t(1.0), torch.ones(1, 1)),
        (1.0, t(1.0)),
        (Opaque("X"), 1),
        (1, Opaque("X")),
        ("1", 1),
        (None, 0),
        (None, t(0.0)),
        ("a", t(0.0)),
        (t(0.0), None),
        ([1], [1, 2]),
        ([1], {0: 1}),
        ({1: 1}, {2: 1}),
        ({1: 1}, {1: 2}),
        ({1: 1}, {}),
        (torch.tensor([1j]), torch.tensor([1j])),
        (t(NAN), t(0.0)),
        (object(), 1),
        (t(INF), t(-INF)),
        ({"a": 1}, [("a", 1)]),
    ],
)
def test_another_output_is_not(actual: object, wrong: object) -> None:
    assert not equals_mistake(actual, wrong)


def test_tolerances_have_their_reasons() -> None:
    for dtype, tolerance in {
        torch.float64: FLOAT64,
        torch.float32: FLOAT32,
        torch.float16: FLOAT16,
        torch.bfloat16: BFLOAT16,
        torch.int64: EXACT,
        torch.bool: EXACT,
    }.items():
        assert tolerance_for(dtype) is tolerance_for(dtype, "simgpu") is tolerance
        assert tolerance_for(dtype, "cuda").rtol >= tolerance.rtol
        assert tolerance.reason


@pytest.mark.parametrize("value", [-1.79e308, 1.7976931348623157e308])
def test_the_largest_numbers_are_wrong_values_and_no_fault_of_ours(value: float) -> None:
    for expect in (lambda: expect_number(value, 1.0), lambda: expect_close(t(value, dtype=torch.float64), t(1.0))):
        with pytest.raises(CheckFailed, match=r"result: (wrong value|1 of 1 values are wrong)") as caught:
            expect()
        assert isinstance(caught.value.comparison, Comparison)
        assert math.isfinite(caught.value.comparison.max_abs_error or math.inf)


@pytest.mark.parametrize("size", [(6,) * 8, (2_000_000,), (0,) * 20])
def test_what_staff_read_of_a_large_answer_is_short_and_soon_there(size: tuple[int, ...]) -> None:
    """PyTorch writes every entry of a tensor of many short dimensions: a gigabyte and seconds for two megabytes."""
    held = torch.zeros(size, dtype=torch.uint8)
    started = time.thread_time()
    with pytest.raises(CheckFailed) as caught:
        expect_equal([held, {"a": [held] * 500}, "x" * 100_000], (1, 2))
    assert len(caught.value.staff) < 4_000
    assert time.thread_time() - started < 1


def test_an_object_is_what_stays_with_the_student() -> None:
    with fails("result: expected an object (a module, say), got None"):
        expect_object(None)
    with fails("result: expected an object (a module, say), got a tensor of shape (2,)"):
        expect_object(torch.ones(2))
