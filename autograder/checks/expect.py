"""What a check may expect: type, shape, dtype, device, finiteness, then values.

Nothing here broadcasts; NaN equals nothing unless the check says so; infinities are compared by sign. A violated
expectation raises :class:`~autograder.errors.CheckFailed` with a sentence for the student that holds no expected value.
"""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.boundary.student import Handle, Opaque, Student
from autograder.checks.tolerance import Tolerance, tolerance_for
from autograder.errors import CheckFailed, HarnessError, StudentRaised
from autograder.reports.models import Comparison

ACCEPTED_ERRORS = (ValueError, IndexError, RuntimeError, TypeError)  # what PyTorch itself may raise for bad input
STAFF_CHARS = 1_500
STAFF_NUMBERS = 200  # of a tensor


@dataclass
class CheckRun:
    """What one run of one check has done so far: the plugin opens it, expectations count themselves in."""

    student: Student | None = None
    expectations: int = 0
    check: str = ""
    looked_at_device: bool = False


current_run: ContextVar[CheckRun | None] = ContextVar("current_run", default=None)

# is given every comparison of numbers: dtype, actual and expected, float64 (to measure what tolerances must allow)
measuring: ContextVar[Callable[[str, Tensor, Tensor], None] | None] = ContextVar("measuring", default=None)


def expect_true(condition: bool, message: str, *, staff: str = "") -> None:
    """Expect that a property holds; ``message`` says to the student which one did not."""
    _count()
    if condition is not True and condition is not False:
        raise HarnessError(f"expect_true: expected a bool, got {type(condition).__name__}")
    if not condition:
        raise CheckFailed(f"{_subject()}: {message}", staff=staff)


def expect_tensor(
    actual: object, *, shape: Sequence[int] | None = None, dtype: torch.dtype | None = None, device: str | None = None
) -> Tensor:
    """Expect a plain tensor, with this shape, dtype and device where they are given, and return it."""
    _count()
    return _tensor(actual, _subject(), tuple(shape) if shape is not None else None, dtype, device)


def expect_device(actual: object, device: str) -> Tensor:
    """Expect a plain tensor that lives on ``device`` (any of its kind) in the student's process, and return it."""
    return expect_tensor(actual, device=device)


def expect_object(actual: object) -> Handle:
    """Expect an object that stays with the student (a module, say), and return it."""
    _count()
    if not isinstance(actual, Handle):
        raise CheckFailed(f"{_subject()}: expected an object (a module, say), got {kind_of(actual)}")
    return actual


def expect_tuple(actual: object, length: int) -> tuple[Any, ...]:
    """Expect a tuple (or list) of ``length`` entries, and return it as a tuple."""
    _count()
    if not isinstance(actual, tuple | list):
        raise CheckFailed(f"{_subject()}: expected a tuple of {length}, got {kind_of(actual)}")
    if len(actual) != length:
        raise CheckFailed(f"{_subject()}: expected a tuple of {length}, got one of {len(actual)}")
    return tuple(actual)


def expect_item(actual: object, key: object) -> Any:
    """Expect a dictionary that has ``key``, and return the entry."""
    _count()
    if not isinstance(actual, dict):
        raise CheckFailed(f"{_subject()}: expected a dict, got {kind_of(actual)}")
    for candidate, value in actual.items():
        if candidate == key or _same_key(candidate, key):
            return value
    raise CheckFailed(f"{_subject()}: expected the key {key!r} in the dict. It is missing.")


def expect_number(
    actual: object,
    expected: float,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
) -> float:
    """Expect a Python number or a tensor with one element and no dimensions, close to ``expected``; return it.

    Args:
        actual: what the student returned.
        expected: the oracle's value; NaN only together with ``equal_nan``.
        rtol: relative tolerance; by default that of float64.
        atol: absolute tolerance; by default that of float64.
        equal_nan: whether NaN is the right answer where the oracle says NaN.
    """
    _count()
    subject = _subject()
    dtype = torch.float64
    if isinstance(actual, Tensor):
        if actual.dim() != 0:
            raise CheckFailed(
                f"{subject}: expected a number (a float or a 0-dim tensor), got {kind_of(actual)}",
                comparison=Comparison(expected_shape=(), actual_shape=tuple(actual.shape)),
            )
        if actual.is_complex() or actual.dtype == torch.bool:
            raise CheckFailed(f"{subject}: expected a number, got a tensor of dtype {_dtype(actual.dtype)}")
        if actual.is_floating_point():
            dtype = actual.dtype
        value = float(actual)
    elif type(actual) in (int, float):
        value = float(actual)  # type: ignore[arg-type]
    else:
        raise CheckFailed(f"{subject}: expected a number (a float or a 0-dim tensor), got {kind_of(actual)}")
    tolerance = _tolerance(dtype, rtol, atol)
    if measuring.get() is not None:
        _measure(_dtype(dtype), torch.tensor(value).double(), torch.tensor(float(expected)).double())
    if abs(value - expected) <= tolerance.atol + tolerance.rtol * abs(expected) < math.inf:
        return value
    _values(torch.tensor(value, dtype=torch.float64), torch.tensor(float(expected), dtype=torch.float64),
            subject, tolerance, equal_nan, _dtype(dtype))  # fmt: skip
    return value


def expect_close(
    actual: object,
    expected: Tensor,
    *,
    dtype: torch.dtype = torch.float64,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    device: str | None = None,
) -> Tensor:
    """Expect a plain tensor of the oracle's shape and of ``dtype`` whose values are close to the oracle's; return it.

    Args:
        actual: what the student returned.
        expected: the oracle's float64 tensor, any shape.
        dtype: the dtype that the contract demands.
        rtol: relative tolerance; by default that of ``dtype``.
        atol: absolute tolerance; by default that of ``dtype``.
        equal_nan: whether NaN is the right answer where the oracle says NaN.
        device: where the result must live; not looked at by default, for placement is a check of its own.
    """
    _count()
    subject = _subject()
    tensor = _tensor(actual, subject, tuple(expected.shape), dtype, device)
    _values(tensor, expected, subject, _tolerance(dtype, rtol, atol), equal_nan, _dtype(dtype))
    return tensor


def expect_equal(actual: object, expected: object, *, dtype: torch.dtype | None = None) -> None:
    """Expect exactly ``expected``: an integer or bool tensor of this dtype, or plain data of these exact types.

    Lists and tuples stand for each other; numbers do not stand for booleans.
    """
    _count()
    _equal(actual, expected, _subject(), dtype)


def expect_raises(call: Callable[[], object], *accepted: type[Exception]) -> None:
    """Expect that ``call``, a call of the student's code, raises one of ``accepted``.

    By default ``ACCEPTED_ERRORS``. ``NotImplementedError`` (what an unfilled stub raises) is never accepted. Only in a
    check that is marked ``cpu_only``: on CUDA, invalid arguments can end the process.
    """
    _count()
    if _device() != "cpu":
        raise HarnessError("expect_raises: expected a check that runs on the CPU alone. Add @cpu_only(...).")
    names = {kind.__name__ for kind in accepted or ACCEPTED_ERRORS}
    try:
        call()
    except StudentRaised as error:
        if "NotImplementedError" in error.names or "NameError" in error.names or not names.intersection(error.names):
            raise
        return
    expected = (accepted or ACCEPTED_ERRORS)[0].__name__
    raise CheckFailed(f"{_subject()}: expected {expected} for an invalid argument. It returned a value.")


def expect_no_side_effects(student: Student, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call the student's function; expect that its inputs and PyTorch's global state are as before; return its result.

    The global state is the default dtype, grad mode, the default device and the state of the random generator.
    """
    observation = student.observe(name, *args, **kwargs)
    _count()
    if not identical(args, observation.args) or not identical(kwargs, observation.kwargs):
        raise CheckFailed(f"{name}: expected its inputs to be unchanged. It changed one of them in place.")
    for what, value in observation.state_before.items():
        if observation.state_after.get(what) != value:
            raise CheckFailed(f"{name}: expected PyTorch's {what} to be unchanged. It changed it.")
    return observation.result


def equals_mistake(actual: object, wrong: object) -> bool:
    """Return whether a student's output equals a mistake's, up to rounding and number type; NaN equals NaN here."""
    if isinstance(actual, Opaque) or isinstance(wrong, Opaque):
        return False
    if isinstance(actual, dict) and isinstance(wrong, dict):
        return len(actual) == len(wrong) and all(
            any(_same_key(key, other) and equals_mistake(actual[key], value) for key in actual)
            for other, value in wrong.items()
        )
    if isinstance(actual, list | tuple) and isinstance(wrong, list | tuple):
        return len(actual) == len(wrong) and all(map(equals_mistake, actual, wrong))
    if isinstance(actual, str | None) or isinstance(wrong, str | None):
        return actual == wrong
    if not isinstance(actual, Tensor | int | float) or not isinstance(wrong, Tensor | int | float):
        return False
    left, right = torch.as_tensor(actual), torch.as_tensor(wrong)
    if left.is_complex() or right.is_complex() or left.shape != right.shape:
        return False
    loosest = max((tolerance_for(t.dtype) for t in (left, right)), key=lambda tolerance: tolerance.rtol)
    rtol = max(loosest.rtol, MISTAKE_RTOL)
    return bool(torch.isclose(left.double(), right.double(), rtol=rtol, atol=rtol, equal_nan=True).all())


MISTAKE_RTOL = 1e-5  # a mistake is recognised when it was computed in float32, or with a small epsilon


# ---------------------------------------------------------------------------------------------- inside


def _count() -> None:
    run = current_run.get()
    if run is not None:
        run.expectations += 1


def _subject() -> str:
    run = current_run.get()
    if run is None or run.student is None or not run.student.calls:
        return "result"
    return run.student.calls[-1].name


def _device() -> str:
    run = current_run.get()
    return "cpu" if run is None or run.student is None else run.student.device


def _measure(dtype: str, actual: Tensor, expected: Tensor) -> None:
    observer = measuring.get()
    if observer is not None:
        observer(dtype, actual, expected)


def kind_of(value: object) -> str:
    """Return what a value is, in a few words for a student."""
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _dtype(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _tolerance(dtype: torch.dtype, rtol: float | None, atol: float | None) -> Tolerance:
    default = tolerance_for(dtype, _device())
    return Tolerance(default.rtol if rtol is None else rtol, default.atol if atol is None else atol, default.reason)


def _tensor(
    actual: object, subject: str, shape: tuple[int, ...] | None, dtype: torch.dtype | None, device: str | None
) -> Tensor:
    if type(actual) is not Tensor:
        raise CheckFailed(f"{subject}: expected a tensor, got {kind_of(actual)}")
    if shape is not None and tuple(actual.shape) != shape:
        raise CheckFailed(
            f"{subject}: expected shape {shape}, got {tuple(actual.shape)}",
            comparison=Comparison(expected_shape=shape, actual_shape=tuple(actual.shape), dtype=_dtype(actual.dtype)),
        )
    if dtype is not None and actual.dtype != dtype:
        raise CheckFailed(
            f"{subject}: expected dtype {_dtype(dtype)}, got {_dtype(actual.dtype)}",
            comparison=Comparison(actual_shape=tuple(actual.shape), dtype=_dtype(actual.dtype)),
        )
    if device is not None:
        run = current_run.get()
        if run is not None:
            run.looked_at_device = True
        origin = run.student.origin_of(actual) if run is not None and run.student is not None else None
        place = origin.device if origin is not None else str(actual.device)
        if place != device and place.partition(":")[0] != device:
            raise CheckFailed(f"{subject}: expected the result on device {device}, got {place}")
    return actual


def _values(actual: Tensor, expected: Tensor, subject: str, tolerance: Tolerance, equal_nan: bool, dtype: str) -> None:
    if actual.is_complex() or expected.is_complex():  # .double() would drop the imaginary part
        raise HarnessError(f"{subject}: expected a check that compares real numbers, got complex ones")
    left, right = actual.detach().double(), expected.detach().double()
    _measure(dtype, left, right)
    bound = tolerance.atol + tolerance.rtol * right.abs()
    if bool(((left - right).abs() <= bound).all()) and bool(bound.isfinite().all()):
        return  # the usual case, in as few operations as possible; nothing that is not finite gets here
    if bool(right.isnan().any()) and not equal_nan:
        raise HarnessError(f"{subject}: the oracle says NaN, and the check does not say equal_nan")
    nan = left.isnan() & right.isnan()
    with_sign = left.isinf() & right.isinf() & (left == right)
    error = (left - right).abs()
    close = error <= tolerance.atol + tolerance.rtol * right.abs()  # False wherever something is not finite
    right_values = nan | with_sign | (close & left.isfinite() & right.isfinite())
    if bool(right_values.all()):
        return
    finite = error[error.isfinite()]
    worst = float(finite.max()) if finite.numel() else None
    is_number = left.dim() == 0  # of which there is no shape and no share to speak of
    comparison = Comparison(
        expected_shape=None if is_number else tuple(right.shape),
        actual_shape=None if is_number else tuple(left.shape),
        dtype=dtype,
        max_abs_error=None if worst is None else _one_digit(worst),
        mismatched_fraction=None if is_number else round(float((~right_values).double().mean()), 3),
    )
    staff = _staff(actual, expected, tolerance)
    if bool((~left.isfinite() & right.isfinite()).any()):
        what = "NaN" if bool(left.isnan().any()) else "infinity"
        raise CheckFailed(
            f"{subject}: the result contains {what} where it should be finite", comparison=comparison, staff=staff
        )
    if bool((right.isnan() & ~left.isnan()).any()):
        raise CheckFailed(
            f"{subject}: the result is a number where it should be NaN", comparison=comparison, staff=staff
        )
    wrong = int((~right_values).sum())
    how_many = "wrong value" if left.dim() == 0 else f"{wrong} of {left.numel()} values are wrong"
    raise CheckFailed(f"{subject}: {how_many}", comparison=comparison, staff=staff)


def _equal(actual: object, expected: object, subject: str, dtype: torch.dtype | None) -> None:
    if isinstance(expected, Tensor):
        tensor = _tensor(actual, subject, tuple(expected.shape), dtype or expected.dtype, None)
        wrong = tensor != expected.to(tensor.dtype)
        if bool(wrong.any()):
            count = int(wrong.sum())
            raise CheckFailed(
                f"{subject}: {count} of {tensor.numel()} values are wrong",
                comparison=Comparison(
                    expected_shape=tuple(expected.shape),
                    actual_shape=tuple(tensor.shape),
                    dtype=_dtype(tensor.dtype),
                    mismatched_fraction=round(count / tensor.numel(), 3),
                ),
                staff=_staff(tensor, expected, tolerance_for(tensor.dtype)),
            )
        return
    difference = _difference(actual, expected)
    if difference:
        raise CheckFailed(f"{subject}: {difference}", staff=f"expected {expected!r}, actual {_short(actual)}")
    if isinstance(actual, list | tuple) and isinstance(expected, list | tuple):
        for left, right in zip(actual, expected, strict=True):
            _equal(left, right, subject, dtype)
    elif isinstance(actual, dict) and isinstance(expected, dict):
        for key, value in expected.items():
            _equal(actual[key], value, subject, dtype)


def _difference(actual: object, expected: object) -> str:
    """Return how a value differs from plain data, but for what is in it; an empty string if it does not."""
    if isinstance(expected, list | tuple):
        if not isinstance(actual, list | tuple):
            return f"expected a sequence, got {kind_of(actual)}"
        return "" if len(actual) == len(expected) else f"expected {len(expected)} entries, got {len(actual)}"
    if type(actual) is not type(expected):
        return f"expected {type(expected).__name__}, got {kind_of(actual)}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        return "" if set(actual) == set(expected) else "the keys of the dict are wrong"
    return "" if actual == expected else "wrong value"


def _same_key(candidate: object, key: object) -> bool:
    """Return whether two dictionary keys mean the same: 1 and 1.0, or (0, 0.75) up to rounding."""
    if isinstance(candidate, tuple) and isinstance(key, tuple):
        return len(candidate) == len(key) and all(map(_same_key, candidate, key))
    if isinstance(candidate, int | float) and isinstance(key, int | float):
        return math.isclose(candidate, key, rel_tol=1e-6, abs_tol=1e-9)
    return type(candidate) is type(key) and candidate == key


def identical(left: object, right: object) -> bool:
    """Return whether two values are the same to the last bit; NaN is NaN, and lists and tuples stand for each other."""
    if isinstance(left, Tensor):
        if type(right) is not Tensor or left.shape != right.shape or left.dtype != right.dtype:
            return False
        return bool(torch.equal(left, right) or torch.allclose(left, right, rtol=0, atol=0, equal_nan=True))
    if isinstance(left, list | tuple):
        return isinstance(right, list | tuple) and len(left) == len(right) and all(map(identical, left, right))
    if isinstance(left, Mapping):
        return (
            isinstance(right, Mapping)
            and left.keys() == right.keys()
            and all(identical(value, right[key]) for key, value in left.items())
        )
    return type(left) is type(right) and (left == right or (isinstance(left, float) and math.isnan(left)))


def _one_digit(value: float) -> float:
    rounded = float(f"{value:.0e}")
    return rounded if math.isfinite(rounded) else sys.float_info.max


def _staff(actual: object, expected: object, tolerance: Tolerance) -> str:
    return f"expected {_short(expected)}\nactual {_short(actual)}\nrtol={tolerance.rtol:g} atol={tolerance.atol:g}"


def _short(value: object) -> str:
    """Return a value as staff read it; what a student has returned may be as large as the wire lets through."""
    text = _SHORT.repr(value)
    return text if len(text) <= STAFF_CHARS else text[:STAFF_CHARS] + "…"


class _Short(reprlib.Repr):
    """Writes the first entries of a value, in time and memory that do not depend on how many there are."""

    def repr_Tensor(self, tensor: Tensor, level: int) -> str:
        if tensor.numel() <= STAFF_NUMBERS:
            return repr(tensor)
        first = ", ".join(map(str, tensor.detach().flatten()[:STAFF_NUMBERS].tolist()))
        return f"tensor of shape {tuple(tensor.shape)}, {_dtype(tensor.dtype)}, that begins [{first}, …]"


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 4, STAFF_CHARS, STAFF_CHARS, 100
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 50


__all__ = [
    "ACCEPTED_ERRORS",
    "CheckRun",
    "current_run",
    "equals_mistake",
    "expect_close",
    "expect_device",
    "expect_equal",
    "expect_item",
    "expect_no_side_effects",
    "expect_number",
    "expect_object",
    "expect_raises",
    "expect_tensor",
    "expect_true",
    "expect_tuple",
    "identical",
    "kind_of",
    "measuring",
]
